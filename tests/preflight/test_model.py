import pytest

from twogrpo.config import OnlineConfig
from twogrpo.errors import ConfigError
from twogrpo.preflight.model import check_sampler, find_model, model_section, vocabulary_of
from twogrpo.preflight.report import Checks


def test_a_folder_is_described_without_its_weights(model_folder):
    checks = Checks()
    found = find_model(str(model_folder), 0, checks)
    assert found.outline.device.type == "meta"
    assert (found.positions, vocabulary_of(found.outline), checks.problems) == (256, 280, [])


def test_a_missing_folder_is_one_problem(tmp_path):
    checks = Checks()
    found = find_model(str(tmp_path / "none"), 0, checks)
    assert (found.outline, found.tokenizer, found.positions) == (None, None, None)
    assert [each.error.exit_code for each in checks.problems] == [3]


@pytest.mark.parametrize("cut", ["nothing", "half"])
def test_weights_that_are_missing_or_cut_off_are_a_problem(model_folder, tmp_path, cut):
    import shutil

    folder = shutil.copytree(model_folder, tmp_path / "model")
    weights = folder / "model.safetensors"
    if cut == "nothing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-100])
    checks = Checks()
    find_model(str(folder), 0, checks)
    assert len(checks.problems) == 1


def test_the_sampler_is_the_one_that_the_run_would_take(model_folder):
    found = find_model(str(model_folder), 0, Checks())
    assert (check_sampler(found, "auto"), check_sampler(found, "transformers")) == ("builtin", "transformers")


def test_a_model_that_the_builtin_sampler_does_not_serve_is_refused(model_folder):
    found = find_model(str(model_folder), 0, Checks())
    found.outline.config.hidden_act = "gelu"
    with pytest.raises(ConfigError, match="its activation is gelu"):
        check_sampler(found, "builtin")


def test_the_embedded_model_is_made_without_files():
    found = find_model("tiny", 0, Checks())
    config = OnlineConfig.load(None, ["model.path=tiny", "data.path=tiny"])
    facts = {fact.name: fact.value for fact in model_section(config, found, None, "builtin").facts}
    assert facts["parameters"] == 430_208
