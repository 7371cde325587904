"""The dry run of a dpo run on OpenRLHF, where OpenRLHF is not installed."""

from importlib.util import find_spec

import pytest

from tests.stored_run import build_run
from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.errors import ConfigError, EngineError
from twogrpo.openrlhf.dpo import train_dpo_openrlhf
from twogrpo.preflight import preflight_dpo, render

pytestmark = pytest.mark.skipif(find_spec("openrlhf") is not None, reason="OpenRLHF is installed here")


@pytest.fixture
def stored(tmp_path, model_folder, problems, monkeypatch):
    """The folder of an online run with six pairs."""
    # Ranks without GPUs.
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    return build_run(tmp_path / "online", model_folder, problems)


@pytest.fixture
def settings(stored, tmp_path):
    def make(**values):
        online = OnlineConfig.load(stored / "config.resolved.yaml")
        train = {"rollouts_per_update": 4, "warmup_steps": 1, **values.pop("train", {})}
        own = {"engine": "openrlhf", "run_dir": str(tmp_path / "dpo"), "train": train}
        return DpoConfig.for_run(online, {**own, "model": {"dtype": "bfloat16"}, **values})

    return make


def flags_of(report):
    words = report.as_json()["sections"]["command"]["flags"]
    return {word: following for word, following in zip(words, [*words[1:], ""], strict=True) if word.startswith("--")}


def test_everything_but_the_packages_is_ready_and_nothing_is_written(tmp_path, stored, settings):
    report = preflight_dpo(settings(), stored)
    titles = [section.title for section in report.sections]
    assert titles == ["packages", "run folder", "pairs", "model", "batches", "disk", "command"]
    assert [problem.section for problem in report.problems] == ["packages"]
    assert not (tmp_path / "dpo").exists()


def test_what_is_missing_is_found_in_the_words_of_the_run(stored, settings):
    with pytest.raises(EngineError) as said:
        preflight_dpo(settings(), stored).raise_first()
    with pytest.raises(EngineError) as met:
        train_dpo_openrlhf(settings(), stored)
    assert str(said.value) == str(met.value)


def test_neither_ray_nor_vllm_is_asked_for(stored, settings):
    assert not {"ray", "vllm"} & set(preflight_dpo(settings(), stored).as_json()["sections"]["packages"])


def test_the_batches_are_counted_in_pairs(stored, settings):
    found = preflight_dpo(settings(openrlhf={"micro_batch_size": 2}), stored).as_json()["sections"]
    batches = found["batches"]
    assert found["pairs"]["pairs"] == 6
    assert (batches["pairs_per_update"], batches["ranks"], batches["micro_batches"], batches["steps"]) == (2, 1, 2, 3)


def test_every_pair_at_once_is_one_update(stored, settings):
    report = preflight_dpo(settings(train={"rollouts_per_update": None}, openrlhf={"micro_batch_size": 2}), stored)
    assert flags_of(report)["--train.batch_size"] == "6"


def test_what_a_key_asks_in_vain_is_refused_before_the_packages(stored, settings):
    report = preflight_dpo(settings(openrlhf={"micro_batch_size": 3}), stored)
    assert [problem.section for problem in report.problems] == ["keys", "packages"]
    with pytest.raises(ConfigError, match=r"openrlhf\.micro_batch_size=3"):
        report.raise_first()


def test_an_evaluation_that_will_not_take_place_is_said(stored, settings, problems):
    report = preflight_dpo(settings(eval={"data": str(problems)}), stored)
    (warning,) = report.as_json()["sections"]["command"]["warnings"]
    assert "does not evaluate; `twogrpo eval` does" in warning


def test_adapters_take_less_disk(stored, settings):
    def checkpoints(**values):
        return preflight_dpo(settings(**values), stored).as_json()["sections"]["disk"]["checkpoints_bytes"]

    assert checkpoints(model={"dtype": "bfloat16", "lora": {"rank": 2}}) < checkpoints()


def test_a_flag_stands_on_a_line_with_its_values(stored, settings):
    lines = list(render(preflight_dpo(settings(), stored)))
    assert "  python -m openrlhf.cli.train_dpo" in lines
    assert "    --adam.betas 0.9 0.999" in lines


def test_a_store_that_is_missing_does_not_hide_the_rest(tmp_path, settings):
    report = preflight_dpo(settings(), tmp_path / "none")
    assert [problem.section for problem in report.problems] == ["packages", "pairs"]
    assert [section.title for section in report.sections] == ["packages", "run folder"]
