"""Online runs in the real OpenRLHF: what is stored, what is trained on, what ends a run and what goes on from there."""

import time
from pathlib import Path

import polars as pl
import pytest
import torch

from tests.openrlhf.online_runs import NEW_TOKENS, PROMPTS, metrics, stored, words
from twogrpo import RolloutStore

# What the reward of each step does, in the order of the steps of one process; the last one holds for the rest.
SCRIPTED_REWARD = """
import itertools, os, threading

SCRIPT = os.environ["REWARD_SCRIPT"].split(",")
CALLS, LOCK = itertools.count(), threading.Lock()
CALLS_PER_STEP = int(os.environ["REWARD_CALLS"])

def scripted(prompts, responses, golds):
    with LOCK:
        call = next(CALLS)
    act = SCRIPT[min(call // CALLS_PER_STEP, len(SCRIPT) - 1)]
    if act == "tie":
        return [1.0]
    if act == "fail" or (act == "fail-twice" and call % CALLS_PER_STEP in (3, 20)):
        raise RuntimeError("the sandbox is gone")
    return [float(sum(map(ord, responses[0])) % 2)]
"""


def given_to_ranks(probe):
    """Return what every rank was given to train on, in the order in which it was."""
    return [torch.load(path) for path in sorted(probe.glob("*.pt"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("online")


@pytest.fixture(scope="module")
def scripted_reward(folder):
    file = folder / "scripted.py"
    file.write_text(SCRIPTED_REWARD)
    return f"{file}:scripted"


@pytest.fixture(scope="module")
def first(launch, folder, tiny_model, problems, parity_reward):
    """Two steps on one rank, evaluated at the end, with what the rank was given."""
    run, probe = folder / "first", folder / "probe-first"
    probe.mkdir()
    evaluated = [f"eval.data={problems}", "eval.samples=2"]
    keys = ["train.steps=2", "train.learning_rate=1e-3", "openrlhf.zero_stage=0", *evaluated]
    launch(words(run, tiny_model, problems, parity_reward, *keys), env={"TWOGRPO_PROBE": str(probe)})
    return run, given_to_ranks(probe)


def test_every_rollout_is_stored_with_its_group_step_and_policy(first):
    rows = stored(first[0])
    assert rows.height == 2 * PROMPTS * 2
    assert rows["group_id"].to_list() == [group for group in range(2 * PROMPTS) for _ in range(2)]
    assert rows["rollout_idx"].to_list() == [0, 1] * (2 * PROMPTS)
    assert rows["step"].to_list() == [0] * 16 + [1] * 16
    assert rows["policy_version"].to_list() == rows["policy_version_max"].to_list() == [0] * 16 + [1] * 16
    assert set(rows["generator"]) == {"vllm"}
    assert RolloutStore.open(first[0]).check(deep=True).ok


def test_token_ids_logprobs_and_reasons_are_those_of_the_sampler(first):
    rows = stored(first[0])
    assert all(len(ids) == len(logps) for ids, logps in rows.select("response_ids", "logprobs").iter_rows())
    assert all(-30 < logp <= 0 for logps in rows["logprobs"] for logp in logps)
    assert set(rows["logprob_kind"]) == {"processed"}
    for ids, reason in rows.select("response_ids", "finish_reason").iter_rows():
        assert reason == "stop" or (reason == "length" and len(ids) == NEW_TOKENS)
    assert [float(sum(map(ord, text)) % 2) for text in rows["response"]] == rows["reward"].to_list()


def test_advantages_are_exactly_one_minus_one_and_zero(first):
    run, experiences = first
    assert set(stored(run)["advantage"]) == {1.0, -1.0, 0.0}
    scales = [row["advantage_scale"] for row in metrics(run)]
    assert min(scales) < 1
    for experience in experiences:
        taken = experience["advantages"][experience["action_mask"].bool()].unique().tolist()
        expected = torch.tensor([sign * scale for scale in scales for sign in (1, -1, 0)]).tolist()
        assert set(taken) <= set(expected)


def test_the_rank_is_given_the_stored_tokens_of_decided_pairs(first):
    run, experiences = first
    given = {tuple(row[mask].tolist()) for each in experiences for row, mask in zip(*unpadded(each), strict=True)}
    decided = stored(run).filter(pl.col("advantage") != 0)
    kept = {(*prompt, *response) for prompt, response in decided.select("prompt_ids", "response_ids").iter_rows()}
    assert kept <= given
    trained = sum(row["trained_rollouts"] for row in metrics(run))
    assert trained == decided.height
    assert sum(row["padding_rollouts"] for row in metrics(run)) + trained == sum(
        len(e["sequences"]) for e in experiences
    )


def unpadded(experience):
    """Return sequences, and where each has its tokens: up to its last response token."""
    mask = experience["action_mask"].bool()
    last = mask.shape[1] - mask.flip(1).int().argmax(1) + 1
    return experience["sequences"], torch.arange(mask.shape[1] + 1) < last.unsqueeze(1)


def test_sampler_and_trainer_agree_after_every_sync(first):
    assert max(row["sampler_gap_mean"] for row in metrics(first[0])) <= 2e-3


def test_the_evaluation_is_stored_and_reported(first, problems):
    count = len(Path(problems).read_text().splitlines())
    (row,) = metrics(first[0], "eval")
    answers = stored(first[0], "eval")
    assert answers.height == 2 * count
    assert row["step"] == 2
    assert row["mean_at_2"] == pytest.approx(answers["reward"].mean())


def test_the_run_leaves_a_model_that_transformers_opens(first):
    from transformers import AutoModelForCausalLM

    assert AutoModelForCausalLM.from_pretrained(first[0] / "checkpoints" / "step-00000002").num_parameters() > 0


@pytest.fixture(scope="module")
def two_ranks(launch, folder, tiny_model, problems, scripted_reward):
    """Three steps on two ranks by token_mean: decided and tied pairs, ties only, and two rewards that fail."""
    run, probe = folder / "two-ranks", folder / "probe-two-ranks"
    probe.mkdir()
    keys = ["train.steps=3", "train.learning_rate=1e-3", "openrlhf.gpus_per_node=2", "objective.aggregate=token_mean"]
    env = {"TWOGRPO_PROBE": str(probe), "REWARD_SCRIPT": "parity,tie,fail-twice", "REWARD_CALLS": "64"}
    launch(words(run, tiny_model, problems, scripted_reward, *keys, "checkpoint.every_steps=1", prompts=32), env=env)
    return run, probe


def test_two_ranks_get_equally_many_rows(two_ranks):
    run, probe = two_ranks
    rows = [sum(len(torch.load(path)["sequences"]) for path in probe.glob(f"rank{rank}-*.pt")) for rank in (0, 1)]
    assert rows[0] == rows[1]
    trained = [row["trained_rollouts"] + row["padding_rollouts"] for row in metrics(run)]
    assert sum(rows) == sum(trained)
    assert trained[0] % 8 == 0


def test_a_step_of_ties_only_steps_on_zero_gradients(two_ranks):
    row = metrics(two_ranks[0])[1]
    assert (row["tied_share"], row["trained_rollouts"]) == (1.0, 0)
    assert (row["loss"], row["grad_norm"]) == (0.0, 0.0)


def test_a_failed_reward_makes_its_group_inert_and_is_counted(two_ranks):
    run, _ = two_ranks
    assert metrics(run)[2]["failed_rewards"] == 2
    rows = stored(run).filter(pl.col("step") == 2)
    failed = rows.filter(pl.col("reward").is_null())
    assert failed["status"].to_list() == ["error", "error"]
    inert = rows.filter(pl.col("is_inert"))
    assert set(inert["group_id"]) == set(failed["group_id"])
    assert set(inert["advantage"]) == {0.0}


@pytest.fixture(scope="module")
def stopped(launch, two_ranks, tiny_model, problems, scripted_reward):
    """The same run resumed for two more steps, with a reward that fails for good."""
    run, _ = two_ranks
    keys = ["train.steps=5", "train.learning_rate=1e-3", "openrlhf.gpus_per_node=2", "objective.aggregate=token_mean"]
    command = words(run, tiny_model, problems, scripted_reward, *keys, "checkpoint.every_steps=1", prompts=32)
    env = {"REWARD_SCRIPT": "parity,fail", "REWARD_CALLS": "64"}
    return run, launch([*command, "--resume"], env=env, code=4)


def test_a_resumed_run_goes_on_behind_its_checkpoint(stopped):
    run, _ = stopped
    assert [row["step"] for row in metrics(run)] == [0, 1, 2, 3]
    rows = stored(run)
    assert rows.group_by("step").len().sort("step")["len"].to_list() == [64] * 5
    assert rows.filter(pl.col("step") == 3)["group_id"].min() == 3 * 32
    assert rows.filter(pl.col("step") == 3)["policy_version"].unique().to_list() == [3]
    assert rows["attempt"].unique().sort().to_list() == [1, 2]


def test_too_many_failed_rewards_stop_the_run_in_one_line(stopped):
    line = stopped[1].stderr.splitlines()[-1]
    assert line.startswith("twogrpo: 20.6% of the last 320 rewards failed")
    assert "the sandbox is gone" in line
    assert "--resume" in line


@pytest.fixture(scope="module")
def killed(start_launch, launch, folder, tiny_model, problems, parity_reward):
    """A run that loses its sync after two broadcasts and then its rollout worker; and the same run resumed."""
    run = folder / "killed"
    keys = ["train.learning_rate=1e-3", "checkpoint.every_steps=2"]
    command = words(run, tiny_model, problems, parity_reward, *keys)
    started = start_launch([*command, "train.steps=400"], env={"TWOGRPO_PROBE_SYNCS": "2"})
    deadline = time.monotonic() + 300
    while not (run / "metrics.jsonl").exists() or len(metrics(run)) < 5:
        assert time.monotonic() < deadline, started.wait(1).tail
        time.sleep(0.1)
    for process in started.processes():
        if process.name().startswith("ray::RolloutRay"):
            process.kill()
    outcome = started.wait(200)
    acknowledged = stored(run)
    made = metrics(run)
    launch([*command, f"train.steps={len(made) // 2 * 2 + 2}", "--resume"])
    return run, outcome, acknowledged, made


def test_a_killed_rollout_worker_ends_the_run_in_one_line(killed):
    _, outcome, _, _ = killed
    assert outcome.code == 4, outcome.tail
    assert outcome.stderr.splitlines()[-1].startswith("twogrpo: a worker")
    assert "--resume" in outcome.stderr.splitlines()[-1]


def test_what_was_trained_on_was_stored_before(killed):
    _, _, acknowledged, made = killed
    assert acknowledged.filter(pl.col("step") < len(made)).height == len(made) * PROMPTS * 2


def test_without_the_sync_the_sampler_falls_behind(killed):
    _, _, _, made = killed
    synced, unsynced = (row["sampler_gap_mean"] for row in (made[1], made[4]))
    assert synced <= 2e-3
    assert unsynced >= 10 * synced


def test_a_killed_run_goes_on_from_its_checkpoint(killed):
    run, _, _, made = killed
    saved = len(made) // 2 * 2
    assert [row["step"] for row in metrics(run)] == list(range(saved + 2))
    # The engines begin with the checkpoint's weights, not with those of the start.
    assert max(row["sampler_gap_mean"] for row in metrics(run)[saved:]) <= 2e-3
    rows = stored(run)
    assert rows.group_by("step").len()["len"].to_list() == [PROMPTS * 2] * (saved + 2)
    assert RolloutStore.open(run).check(deep=True).ok


@pytest.fixture(scope="module")
def preferred(launch, folder, first):
    """Three steps of DPO on what the first run has stored."""
    run = folder / "preferred"
    keys = ["train.steps=3", "train.rollouts_per_update=4", "train.learning_rate=1e-3", "train.warmup_steps=0"]
    engine = ["engine=openrlhf", "model.dtype=bfloat16", "openrlhf.micro_batch_size=2", "openrlhf.attention=eager"]
    launch(["dpo", first[0], f"run_dir={run}", *engine, *keys])
    return run


def test_dpo_trains_on_the_pairs_of_an_online_run(preferred):
    assert [row["step"] for row in metrics(preferred)] == [0, 1, 2]
    # The policy is its own reference at the start, but for the rounding of bfloat16.
    assert metrics(preferred)[0]["loss"] == pytest.approx(0.693, abs=0.02)
    assert all(row["pairs"] == 2 and row["grad_norm"] > 0 for row in metrics(preferred))


@pytest.fixture(scope="module")
def overlapping(launch, folder, first, preferred, problems, parity_reward):
    """Generation beside training, filtered, from the checkpoint of DPO and behind a step of stored rollouts."""
    run = folder / "overlapping"
    model = preferred / "checkpoints" / "step-00000003"
    replayed = [f"replay.rollouts={first[0]}", "replay.steps=1"]
    keys = ["train.steps=5", "train.learning_rate=1e-3", "openrlhf.mode=async", *replayed]
    launch(words(run, model, problems, parity_reward, *keys, extra=["--algo.dynamic_filtering_enable"]))
    return run


def test_overlapping_rollouts_are_stored_with_their_policy(overlapping):
    rows = stored(overlapping)
    lags = {row["policy_lag"] for row in metrics(overlapping)}
    assert lags <= {0, 1, 2}
    assert max(lags) > 0
    versions = rows.group_by("step").agg(pl.col("policy_version").n_unique())["policy_version"].to_list()
    assert set(versions) == {1}


def test_what_filtering_leaves_out_is_stored_too(overlapping):
    rows = stored(overlapping)
    assert sorted(rows["group_id"].unique()) == list(range(4 * PROMPTS))
    left_out = rows.filter(pl.col("advantage").is_null())
    assert left_out.height
    assert left_out.group_by("group_id").agg(pl.col("reward").n_unique())["reward"].unique().to_list() == [1]


def test_the_last_short_batch_is_trained_in_a_step_of_its_own(overlapping):
    made, whole = metrics(overlapping), PROMPTS * 2
    decided = stored(overlapping).filter(pl.col("advantage") != 0).height
    # How many pairs are decided is chance here: in one run of eight nothing is left for a short batch.
    sizes = [min(whole, decided - before) for before in range(0, decided, whole)]
    assert [row["trained_rollouts"] for row in made] == sizes
    assert [row["step"] for row in made] == list(range(1, 1 + len(made)))


def test_stored_rollouts_are_replayed_first(overlapping, first):
    (row,) = metrics(overlapping, "replay")
    assert (row["step"], row["replayed_run"], row["replayed_step"]) == (0, "first", 0)
    replayed, sampled = stored(overlapping, "replay"), stored(first[0]).filter(pl.col("step") == 0)
    for column in ("response_ids", "logprobs", "reward", "advantage"):
        assert replayed[column].equals(sampled[column])
    # The weights that stored them have been trained since: pi_old is recomputed, and no longer what sampled.
    assert row["importance_effective_share"] < metrics(first[0])[0]["importance_effective_share"]


@pytest.fixture(scope="module")
def engine_refused(launch, folder, tiny_model, problems, parity_reward):
    """A run whose engine has no memory."""
    command = words(folder / "refused", tiny_model, problems, parity_reward, "train.steps=1")
    return launch(command, code=4, env={"TWOGRPO_PROBE_MEMORY": "none"})


def test_a_rollout_worker_that_never_starts_ends_the_run_in_one_line(engine_refused):
    line = engine_refused.stderr.splitlines()[-1]
    assert line.startswith("twogrpo: a worker")
    assert "--resume" in line
