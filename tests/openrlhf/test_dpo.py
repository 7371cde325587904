"""DPO on stored rollouts with OpenRLHF's own trainer: what it sees, what it leaves, how it stops and goes on.

Four launches: one rank; two ranks under a launcher, with what they see written down; two ranks of which one is killed;
and the same run resumed, then interrupted.
"""

import json
import os
import signal
import time

import polars as pl
import pytest

import twogrpo as tg
from twogrpo.cli import main
from twogrpo.models import load_policy, select_device
from twogrpo.monitor import Console
from twogrpo.train.checkpoint import latest_checkpoint, load_state

STEPS, PAIRS_PER_STEP = 8, 2
KEYS = (
    "engine=openrlhf",
    "model.dtype=bfloat16",
    "openrlhf.micro_batch_size=2",
    "openrlhf.attention=eager",
    f"train.rollouts_per_update={2 * PAIRS_PER_STEP}",
    "train.learning_rate=1e-3",
    "train.warmup_steps=0",
    "train.schedule=constant",
    "checkpoint.every_steps=2",
)
SEEN_WITHIN_S = 300


def metrics(run):
    file = run / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def figures(row):
    return {name: value for name, value in row.items() if name not in ("train_s", "cpu_s")}


def wait_for_steps(run, steps):
    deadline = time.monotonic() + SEEN_WITHIN_S
    while len(metrics(run)) < steps:
        assert time.monotonic() < deadline, f"{run} has not made {steps} steps in {SEEN_WITHIN_S} s"
        time.sleep(0.05)


def find_process(running, word):
    """Return the newest process of a launch that runs a module or program of that name itself."""
    found = [each for each in running.processes() if word in each.cmdline()[1:4]]
    return max(found, key=lambda process: process.create_time())


@pytest.fixture(scope="module")
def online(tmp_path_factory, tiny_model, problems, parity_reward):
    """A run of the local engine, with a store of about twenty decided pairs."""
    named = [f"model.path={tiny_model}", f"data.path={problems}", f"reward.function={parity_reward}"]
    small = ["rollout.prompts_per_step=24", "rollout.max_new_tokens=8", "train.steps=2", "train.threads=1"]
    config = tg.OnlineConfig.load(None, [f"run_dir={tmp_path_factory.mktemp('online') / 'run'}", *named, *small])
    return tg.train_online(config, console=Console(is_quiet=True)).path


def online_model(online):
    return tg.OnlineConfig.load(online / "config.resolved.yaml").model.path


@pytest.fixture(scope="module")
def pairs(online):
    """(prompt and chosen, prompt and rejected) token ids of every pair, read from the store by polars alone."""
    store = tg.RolloutStore.open(online)
    rows = store.scan().select("rollout_id", "prompt_ids", "response_ids").collect().rows_by_key("rollout_id")
    whole = {row: prompt + response for row, [(prompt, response)] in rows.items()}
    built = tg.build_pairs(store, tg.PairSpec()).select("chosen_rollout_id", "rejected_rollout_id")
    return [(whole[chosen], whole[rejected]) for chosen, rejected in built.iter_rows()]


@pytest.fixture(scope="module")
def one_rank(launch, online, tmp_path_factory):
    run = tmp_path_factory.mktemp("one") / "dpo"
    return run, launch(["dpo", online, *KEYS, f"run_dir={run}", f"train.steps={STEPS}", "--json"])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture(scope="module")
def two_ranks(launch, online, recorded, tmp_path_factory):
    """The same training by two processes that torchrun has started, as it does on several machines."""
    run = tmp_path_factory.mktemp("two") / "dpo"
    env = {"TWOGRPO_PROBE_PAIRS": str(recorded)}
    arguments = ["dpo", online, *KEYS, f"run_dir={run}", f"train.steps={STEPS}", "openrlhf.gpus_per_node=2", "--json"]
    return run, launch(arguments, ranks=2, env=env)


@pytest.fixture(scope="module")
def long(online, tmp_path_factory):
    """A run folder and the command line of a training that nobody waits for."""
    run = tmp_path_factory.mktemp("long") / "dpo"
    return run, ["dpo", online, *KEYS, f"run_dir={run}", "train.steps=2000", "openrlhf.gpus_per_node=2"]


@pytest.fixture(scope="module")
def killed(start_launch, long):
    """The outcome of a training of which one rank was killed."""
    run, arguments = long
    running = start_launch(arguments)
    wait_for_steps(run, 3)
    os.kill(find_process(running, "twogrpo.openrlhf.dpo_worker").pid, signal.SIGKILL)
    return running.wait(120)


@pytest.fixture(scope="module")
def resumed(start_launch, long, killed):  # noqa: ARG001  # after it
    """The outcome of the same training, resumed and interrupted."""
    run, arguments = long
    running = start_launch([*arguments, "--resume"])
    wait_for_steps(run, STEPS)
    os.kill(find_process(running, "twogrpo").pid, signal.SIGINT)
    return running.wait(120)


def test_the_trainer_sees_exactly_the_stored_token_ids(two_ranks, recorded, pairs):
    seen = [json.loads(line) for rank in (0, 1) for line in (recorded / f"{rank}.jsonl").read_text().splitlines()]
    stored = {tuple(ids) for pair in pairs for ids in pair}
    assert {tuple(row["ids"]) for row in seen} <= stored
    # Policy and reference, of two sequences a pair.
    assert len(seen) == 2 * 2 * STEPS * PAIRS_PER_STEP
    assert two_ranks[1].code == 0


def test_the_ranks_take_the_pairs_in_the_order_of_the_file(two_ranks, recorded):
    pairs = pl.read_parquet(two_ranks[0] / "schedule.parquet").rows()
    for rank in (0, 1):
        lines = map(json.loads, (recorded / f"{rank}.jsonl").read_text().splitlines())
        seen = [(row["ids"], row["prompt"]) for row in lines if row["is_trained"]]
        own = pairs[rank::2]
        assert seen == [(prompt + response, len(prompt)) for prompt, *both in own for response in both]


def test_a_cut_response_keeps_its_last_token(two_ranks, recorded, online):  # noqa: ARG001  # made by it
    cut = tg.RolloutStore.open(online).scan().filter(finish_reason="length").collect()
    ends = {tuple(prompt + response) for prompt, response in cut.select("prompt_ids", "response_ids").iter_rows()}
    seen = [json.loads(line)["ids"] for line in (recorded / "0.jsonl").read_text().splitlines()]
    assert any(tuple(ids) in ends for ids in seen)


def test_the_first_step_starts_from_the_reference(one_rank):
    first = metrics(one_rank[0])[0]
    assert first["loss"] == pytest.approx(0.693147, abs=1e-6)
    assert first["margin"] == 0


def test_every_step_has_its_line(one_rank):
    rows = metrics(one_rank[0])
    assert [row["step"] for row in rows] == list(range(STEPS))
    assert all(row["learning_rate"] == 1e-3 for row in rows)
    assert all(row["margin"] != 0 for row in rows[1:])


def test_both_engines_make_the_first_step_on_the_same_pairs(one_rank, online, tmp_path):
    mine = [key for key in KEYS if not key.startswith(("engine", "openrlhf"))]
    keys = [f"model.path={online_model(online)}", f"run_dir={tmp_path / 'dpo'}", "train.steps=1", "train.threads=1"]
    local = tg.train_dpo(tg.DpoConfig.load(None, [*mine, *keys]), online, console=Console(is_quiet=True))
    first, other = metrics(local.path)[0], metrics(one_rank[0])[0]
    assert first["grad_norm"] == pytest.approx(other["grad_norm"], rel=5e-2)


def test_the_summary_is_the_result(one_rank):
    run, outcome = one_rank
    summary = json.loads(outcome.stdout)
    assert summary["steps"] == STEPS
    assert {"run_dir": str(run), **json.loads((run / "summary.json").read_text())} == summary


def test_two_ranks_train_as_one(one_rank, two_ranks):
    for one, two in zip(metrics(one_rank[0]), metrics(two_ranks[0]), strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=2e-2)
        assert two["grad_norm"] == pytest.approx(one["grad_norm"], rel=5e-2)
        assert two["pairs"] == one["pairs"] == PAIRS_PER_STEP


def test_one_rank_alone_reports(two_ranks):
    run, outcome = two_ranks
    assert json.loads(outcome.stdout)["run_dir"] == str(run)


def test_the_newest_checkpoints_are_hugging_face_folders(one_rank):
    folders = sorted(path.name for path in (one_rank[0] / "checkpoints").glob("step-*"))
    assert folders == ["step-00000006", "step-00000008"]


def test_a_checkpoint_opens_with_the_local_engine(one_rank, tiny_model):
    path = latest_checkpoint(one_rank[0] / "checkpoints")
    assert load_state(path).step == STEPS
    device = select_device("cpu")
    trained = load_policy(str(path), device=device, gradient_checkpointing=False).state_dict()
    start = load_policy(str(tiny_model), device=device, gradient_checkpointing=False).state_dict()
    assert trained.keys() == start.keys()
    assert any((trained[name] - start[name]).abs().max() > 0 for name in start)


def test_the_local_engine_does_not_resume_it(one_rank, online, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["dpo", str(online), *KEYS[1:2], "engine=local", f"run_dir={one_rank[0]}", "--resume"])
    assert caught.value.code == 2
    assert "--resume cannot change engine=local (the run has openrlhf)" in capsys.readouterr().err


def test_a_killed_rank_ends_the_run_in_one_line_that_names_the_log(killed, long):
    assert killed.code == 4
    last = killed.stderr.splitlines()[-1]
    assert last.startswith("twogrpo: ")
    assert str(long[0] / "openrlhf.log") in last
    assert "--resume" in last


def test_an_interrupt_finishes_the_step_and_saves(resumed, long):
    run = long[0]
    assert resumed.code == 130
    steps = len(metrics(run))
    assert f"interrupted after step {steps}" in resumed.stderr.splitlines()[-1]
    assert load_state(latest_checkpoint(run / "checkpoints")).step == steps


def test_a_resumed_run_is_the_uninterrupted_run(resumed, long, two_ranks):
    assert "resuming" in resumed.stderr
    again = [figures(row) for row in metrics(long[0])]
    assert again[:STEPS] == [figures(row) for row in metrics(two_ranks[0])]
