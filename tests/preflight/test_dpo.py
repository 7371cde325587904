import pytest

from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.errors import TwoGrpoError
from twogrpo.preflight import preflight_dpo
from twogrpo.train import train_dpo, train_online


@pytest.fixture(scope="module")
def online(tmp_path_factory, model_folder):
    """The configuration and folder of a run whose groups are decided by the parity of their responses."""
    from tests.conftest import PARITY_REWARD, write_rows

    folder = tmp_path_factory.mktemp("online")
    (folder / "r.py").write_text(PARITY_REWARD)
    rows = [{"problem": f"{a}+{a + 3}", "answer": str(2 * a + 3)} for a in range(10, 40)]
    keys = {
        "model.path": model_folder,
        "data.path": write_rows(folder / "p.jsonl", rows),
        "reward.function": f"{folder / 'r.py'}:parity",
        "run_dir": folder / "run",
        "rollout.prompts_per_step": 10,
        "rollout.max_new_tokens": 8,
        "train.steps": 2,
        "train.threads": 1,
    }
    config = OnlineConfig.load(None, [f"{key}={value}" for key, value in keys.items()])
    train_online(config)
    return config


@pytest.fixture
def settings(online, tmp_path):
    def make(**train):
        values = {"rollouts_per_update": 4, "warmup_steps": 1, "threads": 1, "steps": 1, **train}
        return DpoConfig.for_run(online, {"train": values, "run_dir": str(tmp_path / "dpo")})

    return make


def test_a_run_that_can_start_has_every_section_and_writes_nothing(tmp_path, online, settings):
    report = preflight_dpo(settings(), online.run_dir)
    titles = [section.title for section in report.sections]
    assert titles == ["run folder", "model", "pairs", "batches", "memory", "disk"]
    assert report.problems == ()
    assert not (tmp_path / "dpo").exists()


def test_the_batches_are_those_of_the_run(online, settings):
    found = preflight_dpo(settings(steps=None, epochs=2), online.run_dir).as_json()["sections"]
    result = train_dpo(settings(steps=None, epochs=2), online.run_dir)
    assert found["pairs"]["pairs"] == result.summary["pairs"]
    assert found["batches"]["steps"] == result.summary["steps"]


def test_a_last_update_that_is_not_whole_is_said(online, settings):
    pairs = preflight_dpo(settings(), online.run_dir).as_json()["sections"]["pairs"]["pairs"]
    report = preflight_dpo(settings(rollouts_per_update=2 * (pairs - 1)), online.run_dir)
    batches = next(section for section in report.sections if section.title == "batches")
    fact = next(fact for fact in batches.facts if fact.name == "partial_batch")
    assert (fact.value, fact.text) == (1, "the last update of an epoch has 1 pair")


@pytest.mark.parametrize("train", [{"token_budget": 9}])
def test_what_the_run_refuses_the_preflight_refuses_in_the_same_words(online, settings, train):
    with pytest.raises(TwoGrpoError) as said:
        preflight_dpo(settings(**train), online.run_dir).raise_first()
    with pytest.raises(TwoGrpoError) as met:
        train_dpo(settings(**train), online.run_dir)
    assert (type(said.value), str(said.value)) == (type(met.value), str(met.value))


def test_the_run_that_has_the_rollouts_is_not_replaced(online, settings):
    config = settings().model_copy(update={"run_dir": online.run_dir})
    (problem, *_) = preflight_dpo(config, online.run_dir, force=True).problems
    assert "holds the rollouts to train on" in str(problem.error)


def test_a_missing_store_does_not_hide_the_rest(tmp_path, settings):
    report = preflight_dpo(settings(), tmp_path / "none")
    assert [problem.section for problem in report.problems] == ["pairs"]
    assert [section.title for section in report.sections] == ["run folder", "model"]


def test_another_reference_is_looked_at_and_costs_memory(online, settings, model_folder):
    def with_reference(path):
        config = settings()
        return config.model_copy(update={"dpo": config.dpo.model_copy(update={"reference": str(path)})})

    found = preflight_dpo(with_reference(model_folder), online.run_dir).as_json()["sections"]
    assert found["memory"]["reference_bytes"] == found["memory"]["weights_bytes"]
    (problem,) = preflight_dpo(with_reference("./none"), online.run_dir).problems
    assert str(problem.error).startswith("dpo.reference=./none: no such folder")
