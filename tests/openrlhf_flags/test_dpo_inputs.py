"""What is refused before a dpo run on OpenRLHF writes or starts anything."""

import polars as pl
import pytest

from tests.openrlhf_flags.configs import dpo
from tests.stored_run import build_run
from twogrpo.errors import ConfigError, DataError
from twogrpo.openrlhf.dpo_inputs import read_inputs
from twogrpo.store import RolloutStore


@pytest.fixture
def run(tmp_path, model_folder, problems):
    return build_run(tmp_path / "run", model_folder, problems)


def configured(model, *overrides):
    return dpo(f"model.path={model}", *overrides)


def test_the_models_are_absolute_folders(run, model_folder, monkeypatch):
    monkeypatch.chdir(model_folder.parent)
    inputs = read_inputs(configured(f"./{model_folder.name}"), run)
    assert inputs.model == inputs.reference == str(model_folder.resolve())
    assert len(inputs.schedule.data) == 6


def test_the_embedded_model_has_no_folder(run):
    with pytest.raises(ConfigError, match=r"model\.path=tiny is made inside an online run; name its folder"):
        read_inputs(configured("tiny"), run)


@pytest.mark.parametrize("key", ["model.path", "dpo.reference"])
def test_an_adapter_is_no_start(run, model_folder, tmp_path, key):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigError, match=f"{key}=.*adapter is an adapter, and OpenRLHF starts from whole weights"):
        read_inputs(configured(model_folder, f"{key}={tmp_path / 'adapter'}"), run)


def test_a_reference_that_is_no_model_is_named(run, model_folder, tmp_path):
    with pytest.raises(DataError, match=r"dpo\.reference=.*nothing"):
        read_inputs(configured(model_folder, f"dpo.reference={tmp_path / 'nothing'}"), run)


def test_token_ids_of_another_vocabulary_are_refused(tmp_path, model_folder):
    rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt_id": ["p"] * 2, "reward": [1.0, 0.0]}
    with RolloutStore.open(tmp_path / "store", run_id="r") as store:
        ids = {"prompt_ids": [[1], [1]], "response_ids": [[2], [99_999]]}
        store.append(pl.DataFrame({**rows, **ids}), step=0)
    with pytest.raises(DataError, match="token ids up to 99999"):
        read_inputs(configured(model_folder), tmp_path / "store")


def test_a_pair_has_one_prompt(tmp_path, model_folder):
    rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt_id": ["p"] * 2, "reward": [1.0, 0.0]}
    with RolloutStore.open(tmp_path / "store", run_id="r") as store:
        ids = {"prompt_ids": [[1], [1, 2]], "response_ids": [[2], [3]]}
        store.append(pl.DataFrame({**rows, **ids}), step=0)
    with pytest.raises(DataError, match="are a pair and have different token ids as their prompt"):
        read_inputs(configured(model_folder), tmp_path / "store")


def test_the_run_of_the_rollouts_is_not_replaced(run, model_folder):
    with pytest.raises(ConfigError, match="holds the rollouts to train on"):
        read_inputs(configured(model_folder, f"run_dir={run}"), run)
