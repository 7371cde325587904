"""Stored rollouts as the first batches of an online run."""

import hashlib
import json
import shutil

import polars as pl
import pytest
import torch

import twogrpo as tg
from tests.conftest import write_rows
from tests.train.test_online import SMALL, same, train, weights
from twogrpo.pairs import pair_counts
from twogrpo.rollouts.compaction import compact

# Two pairs of three are decided, whatever the model writes.
REWARD = """
def by_place(prompts, responses, golds):
    return [float(place % 6 in (1, 2)) for place in range(len(responses))]
"""
KEYS = ["group_id", "rollout_idx"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    write_rows(
        folder / "problems.jsonl", [{"problem": f"{a}+{a + 3}", "answer": str(2 * a + 3)} for a in range(10, 40)]
    )
    (folder / "reward_of_test.py").write_text(REWARD)
    return folder


@pytest.fixture(scope="module")
def configured(world, model_folder):
    def make(run_dir, *overrides):
        named = [f"run_dir={run_dir}", f"model.path={model_folder}", f"data.path={world / 'problems.jsonl'}"]
        reward = f"reward.function={world / 'reward_of_test.py'}:by_place"
        return tg.OnlineConfig.load(None, [*named, reward, *SMALL, *overrides])

    return make


@pytest.fixture(scope="module")
def source(world, configured):
    """Three steps of six pairs, with every checkpoint."""
    return train(configured(world / "source", "train.steps=3", "checkpoint.every_steps=1", "checkpoint.keep=9")).path


@pytest.fixture
def settings(tmp_path, configured, source):
    def make(*overrides, run="run", rollouts=source):
        return configured(tmp_path / run, f"replay.rollouts={rollouts}", *overrides)

    return make


@pytest.fixture
def altered(tmp_path, source):
    """Return a store of the source's rollouts with some columns replaced by expressions, or rows taken out."""

    def make(*keep, **columns):
        rows = tg.RolloutStore.open(source).scan().sort("step", *KEYS).with_columns(**columns).filter(*keep).collect()
        identity = ["run", "run_id", "writer", "phase", "attempt", "rollout_id", "created_at"]
        kept = rows.drop(identity, strict=False)
        with tg.RolloutStore.open(tmp_path / "altered", run_id="altered") as store:
            for (step,), part in kept.partition_by("step", as_dict=True, maintain_order=True).items():
                store.append(part.drop("step"), step)
        return tmp_path / "altered"

    return make


def rows_of(path, phase):
    return tg.RolloutStore.open(path).scan().filter(pl.col("phase") == phase).sort("step", *KEYS).collect()


def metrics_of(path, kind):
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def snapshot(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_stored_steps_come_first_and_then_the_run_s_own(settings, source):
    before = snapshot(source)
    result = train(settings("train.steps=5"))
    assert [line["step"] for line in metrics_of(result.path, "replay")] == [0, 1, 2]
    assert [line["step"] for line in metrics_of(result.path, "train")] == [3, 4]
    assert rows_of(result.path, "train")["group_id"].unique().to_list() == list(range(12))
    state = json.loads((result.checkpoint / "trainer_state.json").read_text())
    assert (state["step"], state["updates"], state["cursor"], state["rollouts"]) == (5, 5, 12, 60)
    assert result.summary["replayed_rollouts"] == 36
    assert snapshot(source) == before


def test_replaying_what_the_start_has_sampled_is_the_step_that_it_was_sampled_for(settings, source):
    """There mu is the start, so that the weights are 1 but for rounding."""
    result = train(settings("train.steps=1"))
    left, right = weights(source / "checkpoints" / "step-00000001"), weights(result.checkpoint)
    moved = torch.cat([(left[name] - right[name]).abs().flatten() for name in left])
    assert moved.mean() < 1e-5
    line = metrics_of(result.path, "replay")[0]
    assert line["importance_effective_share"] == pytest.approx(1.0, abs=1e-6)
    assert line["ratio_max"] == 1.0


def test_the_run_s_store_has_what_the_weights_were_trained_on(settings, source):
    result = train(settings("train.steps=2", "advantage.std=none"))
    replayed = rows_of(result.path, "replay")
    stored = rows_of(source, "train").filter(pl.col("step") < 2)
    kept = ["rollout_idx", "prompt_id", "prompt_ids", "response_ids", "logprobs", "reward", "policy_version", "seed"]
    assert replayed.select("step", *kept).equals(stored.select("step", *kept))
    assert set(replayed["advantage"].abs()) == {0.0, 0.5}
    assert replayed["group_id"].to_list() == [row // 2 for row in range(24)]
    origins = [json.loads(extra)["replayed"] for extra in replayed["extra"]]
    assert [origin["rollout_id"] for origin in origins] == stored["rollout_id"].to_list()


def test_replayed_rollouts_are_paired_where_they_are_from_alone(settings):
    result = train(settings("train.steps=2", "replay.steps=1"))
    assert pair_counts(tg.RolloutStore.open(result.path)).groups == 6


def test_a_resumed_replay_is_the_uninterrupted_one(settings):
    whole = train(settings("train.steps=4", run="whole"))
    part = train(settings("train.steps=3", "checkpoint.every_steps=1", run="part")).path
    # As if it had been killed before its later checkpoints, with rollouts stored beyond the one that it resumes from.
    for later in ("step-00000002", "step-00000003"):
        shutil.rmtree(part / "checkpoints" / later)
    resumed = train(settings("train.steps=4", run="part"), resume=True)
    assert same(weights(whole.checkpoint), weights(resumed.checkpoint))
    assert metrics_of(resumed.path, "replay")[2]["loss"] == metrics_of(whole.path, "replay")[2]["loss"]
    columns = ["step", "phase", *KEYS, "response_ids", "advantage"]
    for phase in ("train", "replay"):
        assert rows_of(whole.path, phase).select(columns).equals(rows_of(resumed.path, phase).select(columns))


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_the_weight_is_the_truncated_ratio_of_the_start_to_the_stored_logprobs(settings, altered, model_folder, level):
    """At the first update the ratio is 1, so that the loss is -mean of A times the mean weight of each response."""
    rarer, likelier = (pl.col("logprobs").list.eval(pl.element() * factor) for factor in (1.5, 0.8))
    store = altered(logprobs=pl.when(pl.col("rollout_idx") == 0).then(rarer).otherwise(likelier))
    config = settings("train.steps=1", f"objective.importance.level={level}", rollouts=store)
    line = metrics_of(train(config).path, "replay")[0]
    rows = rows_of(store, "train").filter(pl.col("step") == 0)
    loss = 0.0
    for row, logps in zip(rows.iter_rows(named=True), plain_logps(model_folder, rows), strict=True):
        log_ratio = logps - torch.tensor(row["logprobs"], dtype=torch.float64)
        full = log_ratio.sum().exp().expand(len(logps)) if level == "sequence" else log_ratio.exp()
        loss -= row["advantage"] * float(full.clamp(max=2.0).mean()) / len(rows)
    assert line["loss"] == pytest.approx(loss, abs=1e-5)
    assert line["importance_truncated_mass"] > 0
    assert 0 < line["importance_effective_share"] < 0.99


def plain_logps(folder, rows):
    """Log pi of every response, one after the other, without any code of ours."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    for prompt, response in rows.select("prompt_ids", "response_ids").iter_rows():
        with torch.no_grad():
            logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
        yield logits.log_softmax(1).gather(1, torch.tensor(response)[:, None]).squeeze(1)


def test_pi_old_is_the_start_of_the_batch_in_every_update(settings):
    line = metrics_of(train(settings("train.steps=1", "train.rollouts_per_update=4")).path, "replay")[0]
    assert line["ratio_max"] > 1.0
    # The weights are pi_old / mu, and both are the start; the ratio alone has moved.
    assert line["importance_effective_share"] == pytest.approx(1.0, abs=1e-6)


def test_replay_steps_takes_the_first_ones(settings):
    result = train(settings("train.steps=2", "replay.steps=1"))
    assert (len(metrics_of(result.path, "replay")), len(metrics_of(result.path, "train"))) == (1, 1)


def test_epochs_are_of_the_run_s_own_prompts(settings):
    result = train(settings("train.epochs=0.2", "replay.steps=2"))
    assert (len(metrics_of(result.path, "replay")), len(metrics_of(result.path, "train"))) == (2, 1)


def test_groups_of_another_size_are_replayed(settings):
    result = train(settings("train.steps=2", "replay.steps=1", "rollout.group_size=4"))
    assert [len(rows_of(result.path, phase)) for phase in ("replay", "train")] == [12, 24]


def test_what_a_cut_response_means_is_the_run_s_own_rule(settings, altered):
    store = altered(finish_reason=pl.when(pl.col("group_id") == 0).then(pl.lit("length")).otherwise(pl.lit("stop")))
    result = train(settings("train.steps=1", "reward.cut_response=mask", rollouts=store))
    rows = rows_of(result.path, "replay")
    assert rows.filter("is_inert")["group_id"].unique().to_list() == [0]


def test_a_failed_reward_makes_its_group_inert_and_stays_null(settings, altered):
    store = altered(reward=pl.when(group_id=1, rollout_idx=0).then(None).otherwise("reward"))
    rows = rows_of(train(settings("train.steps=1", rollouts=store)).path, "replay")
    assert rows.filter("is_inert")["group_id"].unique().to_list() == [1]
    assert rows.filter(group_id=1)["reward"].is_null().to_list() == [True, False]


def test_a_source_that_is_gone_is_not_missed_once_it_has_been_replayed(tmp_path, settings, source):
    copy = shutil.copytree(source, tmp_path / "copy")
    train(settings("train.steps=4", rollouts=copy))
    shutil.rmtree(copy)
    with pytest.raises(tg.StoreError):
        train(settings("train.steps=4", rollouts=copy, run="other"))
    assert train(settings("train.steps=5", rollouts=copy), resume=True).summary["steps"] == 5


def test_a_source_that_was_compacted_is_the_same(tmp_path, settings, source):
    copy = shutil.copytree(source, tmp_path / "copy")
    train(settings("train.steps=1", rollouts=copy))
    compact(tg.RolloutStore.open(copy), tmp_path / "compacted")
    shutil.rmtree(copy / "rollouts")
    (tmp_path / "compacted").rename(copy / "rollouts")
    assert train(settings("train.steps=3", rollouts=copy), resume=True).summary["replayed_rollouts"] == 36


def test_a_source_that_has_grown_is_replayed_as_it_was(tmp_path, settings, source):
    copy = shutil.copytree(source, tmp_path / "copy")
    train(settings("train.steps=1", rollouts=copy))
    with tg.RolloutStore.open(copy, run_id="source") as store:
        again = tg.RolloutStore.open(source).scan(steps=range(2, 3)).collect()
        store.append(again.drop("run", "run_id", "writer", "phase", "attempt", "step", "rollout_id"), 3)
    result = train(settings("train.steps=4", rollouts=copy), resume=True)
    assert [line["step"] for line in metrics_of(result.path, "train")] == [3]


def test_a_source_that_has_changed_is_refused_on_resume(settings, altered):
    store = altered()
    train(settings("train.steps=1", rollouts=store))
    shutil.rmtree(store)
    altered(reward=pl.col("reward") * 2)
    with pytest.raises(tg.DataError, match="step 1: its rollouts are not those that the run began to replay"):
        train(settings("train.steps=3", rollouts=store), resume=True)


def test_a_source_that_changes_under_a_run_stops_it_and_keeps_its_steps(settings, altered, monkeypatch):
    from twogrpo.train import replay

    store = altered()
    step = replay.policy_step

    def and_replace(*arguments):
        shutil.rmtree(store)
        altered(reward=pl.col("reward") * 2)
        return step(*arguments)

    monkeypatch.setattr(replay, "policy_step", and_replace)
    config = settings("train.steps=3", rollouts=store)
    with pytest.raises(tg.DataError, match="step 1: its rollouts are not those"):
        train(config)
    run = store.parent / "run"
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000001"]


def test_the_run_of_the_rollouts_is_not_replaced(source, configured):
    with pytest.raises(tg.ConfigError, match="holds the rollouts to train on"):
        train(configured(source, f"replay.rollouts={source}"), force=True)
    assert (source / "summary.json").exists()


NO_NUMBER = pl.col("logprobs").list.eval(pl.element() * float("nan"))

REFUSED = {
    "no token ids are stored": {"response_ids": pl.lit(None, pl.List(pl.Int32)), "response": pl.lit("1")},
    "no logprobs are stored": {"logprobs": pl.lit(None, pl.List(pl.Float32)), "logprob_sum": pl.lit(None)},
    "its logprobs are of kind raw, expected processed": {"logprob_kind": pl.lit("raw")},
    "its logprobs are of kind unknown": {"logprob_kind": pl.lit(None)},
    "sampled at temperature 0.7, and rollout.temperature=1": {"temperature": pl.lit(0.7, pl.Float32)},
    "sampled at temperature unknown": {"temperature": pl.lit(None)},
    r"truncated distribution \(top_p 0.9, top_k 0": {"top_p": pl.lit(0.9, pl.Float32)},
    "top_k 20": {"top_k": pl.lit(20, pl.Int32)},
    "min_p 0.1": {"min_p": pl.lit(0.1, pl.Float32)},
    "not the policy's own": {"loss_mask": pl.col("response_ids").list.eval(pl.element() < 0)},
    "no logarithm of a probability": {"logprobs": NO_NUMBER},
}


@pytest.mark.parametrize("says", REFUSED)
def test_rollouts_that_cannot_be_weighed_are_refused(settings, altered, says):
    columns = {
        name: pl.when(pl.col("step") == 1).then(value).otherwise(pl.col(name)) for name, value in REFUSED[says].items()
    }
    store = altered(**columns)
    with pytest.raises(tg.DataError, match=says) as refused:
        train(settings(rollouts=store))
    place = "run altered, step 1, group 6, rollout 0 (and 11 more of 12)"
    assert place in str(refused.value)
    assert str(refused.value).endswith("; replay.steps=1 takes the steps before it")
    assert not (store.parent / "run").exists()


def test_a_group_that_is_not_whole_is_refused(settings, altered):
    store = altered((pl.col("group_id") != 8) | (pl.col("rollout_idx") == 0))
    with pytest.raises(tg.DataError, match=r"step 1: group 8 has 1 rollout, others have 2"):
        train(settings(rollouts=store))


def test_a_group_of_two_prompts_is_refused(settings, altered):
    other = pl.col("prompt_ids").list.head(3)
    store = altered(prompt_ids=pl.when(group_id=7, rollout_idx=1).then(other).otherwise("prompt_ids"))
    with pytest.raises(tg.DataError, match=r"step 1: group 7 has several prompts"):
        train(settings(rollouts=store))


def test_groups_of_one_are_refused(settings, altered):
    with pytest.raises(tg.DataError, match="every group has 1 rollout"):
        train(settings(rollouts=altered(pl.col("rollout_idx") == 0)))


def test_rollouts_that_decide_nothing_are_refused(settings, altered):
    with pytest.raises(tg.DataError, match="of 18 groups 18 are tied and 0 inert"):
        train(settings(rollouts=altered(reward=pl.lit(1.0, pl.Float32))))


def test_an_evaluation_is_not_replayed(tmp_path, settings, source):
    rows = tg.RolloutStore.open(source).scan(steps=range(1)).collect()
    with tg.RolloutStore.open(tmp_path / "evaluated", run_id="r") as store:
        store.append(rows.drop("run", "run_id", "writer", "phase", "attempt", "step", "rollout_id"), 0, phase="eval")
    with pytest.raises(tg.DataError, match="holds no rollouts of phase train or imported"):
        train(settings(rollouts=tmp_path / "evaluated"))


def test_more_steps_than_there_are_are_refused(settings):
    with pytest.raises(tg.ConfigError, match=r"replay.steps=4 is more than the 3 steps"):
        train(settings("replay.steps=4"))


def test_token_ids_that_the_model_does_not_know_are_refused(settings, altered):
    with pytest.raises(tg.DataError, match="token ids up to 99999"):
        train(settings(rollouts=altered(response_ids=pl.col("response_ids").list.eval(pl.element() * 0 + 99999))))


def test_a_rollout_beyond_the_token_budget_is_refused(settings, altered):
    store = altered(prompt_ids=pl.col("prompt_ids").list.concat(pl.lit([5] * 90, pl.List(pl.Int32))))
    with pytest.raises(tg.ConfigError, match=r"has 1\d\d tokens, more than train.token_budget=64"):
        train(settings("train.token_budget=64", rollouts=store))


def test_a_rollout_beyond_the_model_s_positions_is_refused(settings, altered):
    store = altered(prompt_ids=pl.col("prompt_ids").list.concat(pl.lit([5] * 300, pl.List(pl.Int32))))
    with pytest.raises(tg.DataError, match="more than the 256 positions"):
        train(settings("train.token_budget=4096", rollouts=store))


def test_an_update_that_splits_a_group_is_refused(settings, altered):
    with pytest.raises(tg.ConfigError, match=r"rollouts_per_update=4 does not split the 10 rollouts of .*step 1"):
        train(settings("train.rollouts_per_update=4", rollouts=altered(pl.col("group_id") != 8)))
