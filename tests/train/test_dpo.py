import json
from pathlib import Path

import polars as pl
import pytest

import twogrpo as tg
from tests.train.test_online import SMALL, same, train, weights
from twogrpo.monitor import Console

KEYS = ("train.learning_rate=0.001", "train.rollouts_per_update=4", "train.threads=1", "train.token_budget=256")


@pytest.fixture
def online(tmp_path, model_folder, problems, parity_reward):
    named = [f"run_dir={tmp_path / 'online'}", f"model.path={model_folder}", f"data.path={problems}"]
    config = tg.OnlineConfig.load(None, [*named, f"reward.function={parity_reward}", *SMALL, "train.steps=4"])
    return train(config)


@pytest.fixture
def settings(tmp_path, model_folder):
    def make(*overrides, run="dpo"):
        return tg.DpoConfig.load(None, [f"run_dir={tmp_path / run}", f"model.path={model_folder}", *KEYS, *overrides])

    return make


def prefer(config, rollouts, **flags):
    return tg.train_dpo(config, rollouts, console=Console(is_quiet=True), **flags)


def metrics(run):
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def test_the_first_step_starts_from_the_reference(settings, online):
    run = prefer(settings("train.steps=1"), online.path)
    (row,) = metrics(run)
    # Policy and reference are one: every margin is 0 and the loss is ln 2.
    assert row["loss"] == pytest.approx(0.693147, abs=1e-4)
    assert abs(row["margin"]) < 1e-4


def test_training_prefers_the_chosen(settings, online):
    run = prefer(settings("train.epochs=8", "train.warmup_steps=0", "train.schedule=constant"), online.path)
    rows = metrics(run)
    assert rows[-1]["loss"] < 0.6
    assert run.summary["accuracy"]["last_10"] > 0.8


def test_a_resumed_run_is_the_uninterrupted_run(settings, online):
    schedule = "train.schedule=constant"
    whole = prefer(settings("train.steps=6", schedule, run="whole"), online.path)
    prefer(settings("train.steps=3", schedule, run="part"), online.path)
    resumed = prefer(settings("train.steps=6", schedule, run="part"), online.path, resume=True)
    assert same(weights(whole.checkpoint), weights(resumed.checkpoint))
    assert [row["loss"] for row in metrics(resumed)] == [row["loss"] for row in metrics(whole)]


def test_every_pair_is_used_once_an_epoch(settings, online):
    run = prefer(settings("train.epochs=1"), online.path)
    pairs = tg.build_pairs(tg.RolloutStore.open(online.path), tg.PairSpec())
    assert sum(row["pairs"] for row in metrics(run)) == len(pairs) == run.summary["pairs"]


def test_a_reference_that_another_run_has_left_is_not_believed(settings, online):
    pairs = tg.build_pairs(tg.RolloutStore.open(online.path), tg.PairSpec())
    config = settings("train.steps=1")
    cache = Path(config.run_dir) / "reference" / "logprobs.parquet"
    cache.parent.mkdir(parents=True)
    ids = pl.concat([pairs["chosen_rollout_id"], pairs["rejected_rollout_id"]]).alias("rollout_id").unique()
    pl.DataFrame(ids).with_columns(logprob_sum=pl.lit(-999.0)).write_parquet(cache)
    (row,) = metrics(prefer(config, online.path))
    assert row["loss"] == pytest.approx(0.693147, abs=1e-4)


def test_the_reference_is_computed_once(settings, online):
    run = prefer(settings("train.steps=1"), online.path)
    cache = run.path / "reference" / "logprobs.parquet"
    before = cache.stat().st_mtime_ns
    prefer(settings("train.steps=2"), online.path, resume=True)
    assert cache.stat().st_mtime_ns == before
    stored = tg.RolloutStore.open(online.path).scan().filter(pl.col("step") == 0).collect()
    reference = pl.read_parquet(cache)
    # Rollouts of step 0 were sampled by the reference policy itself.
    joined = reference.join(stored, on="rollout_id", suffix="_stored")
    assert len(joined) > 0
    assert (joined["logprob_sum"] - joined["logprob_sum_stored"]).abs().max() < 1e-3


def test_a_resumed_run_keeps_its_pairs(tmp_path, settings, online):
    prefer(settings("train.steps=1"), online.path)
    stored = tg.RolloutStore.open(online.path).scan().collect()
    with tg.RolloutStore.open(tmp_path / "fewer", run_id="fewer") as store:
        columns = ["group_id", "rollout_idx", "prompt", "reward", "response_ids", "prompt_ids"]
        store.append(stored.filter(pl.col("step") < 2).select(columns), step=0)
    with pytest.raises(tg.DataError, match="was trained on other pairs"):
        prefer(settings("train.steps=2"), tmp_path / "fewer", resume=True)


def test_a_store_without_pairs_is_named(tmp_path, settings):
    with tg.RolloutStore.open(tmp_path / "store", run_id="r") as store:
        rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt": ["p"] * 2, "reward": [1.0, 1.0]}
        store.append(pl.DataFrame({**rows, "response": ["a", "b"]}), step=0)
    with pytest.raises(tg.DataError, match="makes no pair"):
        prefer(settings(), tmp_path / "store")


def test_rollouts_without_token_ids_are_trained_on_by_their_text(tmp_path, settings, capsys):
    with tg.RolloutStore.open(tmp_path / "store", run_id="r") as store:
        rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt": ["p"] * 2, "reward": [1.0, 0.0]}
        store.append(pl.DataFrame({**rows, "response": ["a", "b"]}), step=0)
    run = tg.train_dpo(settings("train.steps=1"), tmp_path / "store")
    assert metrics(run)[0]["pairs"] == 1
    assert "2 rollouts without token ids were tokenised from their text" in capsys.readouterr().err


def test_rollouts_without_token_ids_and_text_are_named(tmp_path, settings):
    with tg.RolloutStore.open(tmp_path / "store", run_id="r") as store:
        rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt_id": ["p"] * 2, "reward": [1.0, 0.0]}
        store.append(pl.DataFrame({**rows, "response": ["a", "b"]}), step=0)
    with pytest.raises(tg.DataError, match="neither token ids nor text as their prompt"):
        prefer(settings(), tmp_path / "store")


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ({"prompt_ids": [[1], [1]], "response_ids": [[2], [3, -100]]}, "has -100 among its response_ids"),
        ({"prompt_ids": [[1], [-1, 1]], "response_ids": [[2], [3]]}, "has -1 among its prompt_ids"),
        ({"prompt_ids": [[1], []], "response_ids": [[2], [3]]}, "has no token in its prompt_ids"),
    ],
)
def test_token_ids_that_no_model_has_are_named_at_the_start(tmp_path, settings, ids, found):
    with tg.RolloutStore.open(tmp_path / "store", run_id="r") as store:
        rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt_id": ["p"] * 2, "reward": [1.0, 0.0]}
        store.append(pl.DataFrame({**rows, **ids}), step=0)
    stored = tg.RolloutStore.open(tmp_path / "store").scan().filter(rollout_idx=1).collect()
    with pytest.raises(tg.DataError, match=f"^rollout {stored['rollout_id'].item()} {found}"):
        prefer(settings(), tmp_path / "store")


def test_a_response_may_have_no_token(tmp_path, settings):
    with tg.RolloutStore.open(tmp_path / "store", run_id="r") as store:
        rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt_id": ["p"] * 2, "reward": [1.0, 0.0]}
        store.append(pl.DataFrame({**rows, "prompt_ids": [[1], [1]], "response_ids": [[2], []]}), step=0)
    (row,) = metrics(prefer(settings("train.steps=1"), tmp_path / "store"))
    assert row["loss"] == pytest.approx(0.693147, abs=1e-4)


def test_the_local_engine_runs_no_other(settings, online):
    with pytest.raises(tg.ConfigError, match="engine=openrlhf is not the engine of this function"):
        prefer(settings("engine=openrlhf"), online.path)


def test_a_pair_over_the_budget_says_so(settings, online):
    with pytest.raises(tg.ConfigError, match=r"train\.token_budget=16 cannot hold the longest pair"):
        prefer(settings("train.token_budget=16"), online.path)
