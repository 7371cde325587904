import pytest

from twogrpo.config import OnlineConfig
from twogrpo.config.origins import resolve_dpo, resolve_online
from twogrpo.errors import ConfigError


def origins(resolved):
    return {each.key: each.origin for each in resolved.settings}


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("preset: paper-verl\nmodel: {path: m}\ndata: {path: d}\ntrain: {weight_decay: 0.5, steps: 3}\n")
    return file


def test_every_key_has_the_origin_of_the_layer_that_won(file):
    found = origins(resolve_online(file, ["train.steps=9", "model.path=n"]))
    assert found["train.steps"] == found["model.path"] == "command line"
    assert found["train.weight_decay"] == found["data.path"] == str(file)
    assert found["train.max_grad_norm"] == found["advantage.std"] == "preset paper-verl"
    assert found["train.learning_rate"] == "default"


def test_origins_do_not_change_the_configuration(file):
    assert resolve_online(file, ["seed=3"]).config == OnlineConfig.load(file, ["seed=3"])


def test_keys_without_a_file_are_laid_over_the_embedded_default():
    found = resolve_online(None, ["seed=3"])
    assert (found.config.model.path, found.config.train.learning_rate) == ("tiny", 4e-4)
    assert origins(found)["train.learning_rate"] == "embedded default"


def test_a_named_model_does_not_take_the_embedded_learning_rate():
    found = resolve_online(None, ["model.path=m", "data.path=d"]).config
    assert (found.train.learning_rate, found.rollout.max_new_tokens) == (8e-6, 1024)


def test_a_value_that_equals_its_default_is_one_wherever_it_was_said():
    settings = {
        each.key: each for each in resolve_online(None, ["rollout.group_size=2", "train.betas=[0.9,0.999]"]).settings
    }
    assert settings["rollout.group_size"].is_default
    assert settings["train.betas"].is_default
    assert not settings["model.path"].is_default


def test_an_error_in_the_only_file_names_it(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("model: {path: m}\ndata: {path: d}\nsead: 3\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: unknown key sead"):
        resolve_online(file, [])


def test_dpo_says_what_it_takes_over():
    taken = {"model": {"path": "m"}, "seed": 5}
    found = resolve_dpo(taken, "run r", None, ["dpo.beta=0.3"], is_tiny=True)
    assert (found.config.seed, found.config.train.steps, found.config.dpo.beta) == (5, 46, 0.3)
    said = origins(found)
    assert (said["seed"], said["train.steps"], said["dpo.beta"]) == ("run r", "embedded default", "command line")
