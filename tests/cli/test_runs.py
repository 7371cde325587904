"""`online`, then `dpo` on what it stored, on a random model."""

import json
import signal
import time

import pytest

from tests.program import Program, assert_one_line, run

KEYS = (
    "rollout.prompts_per_step=6",
    "rollout.max_new_tokens=8",
    "train.learning_rate=0.01",
    "train.threads=1",
)


@pytest.fixture
def online(tmp_path, model_folder, problems, parity_reward):
    def make(*extra):
        sources = (f"model.path={model_folder}", f"data.path={problems}", f"reward.function={parity_reward}")
        return ("online", f"run_dir={tmp_path / 'run'}", *sources, *KEYS, *extra)

    return make


@pytest.fixture
def trained(tmp_path, online):
    result = run(*online("train.steps=3"))
    assert result.returncode == 0, result.stderr
    return tmp_path / "run"


def test_online_leaves_the_run_folder(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"config.resolved.yaml", "env.json", "metrics.jsonl", "rollouts", "checkpoints", "summary.json"} <= names
    assert json.loads((trained / "summary.json").read_text())["rollouts"] == 36


def test_dpo_trains_on_the_stored_pairs(tmp_path, trained):
    keys = ("train.steps=2", "train.rollouts_per_update=4", "train.learning_rate=0.001", "train.threads=1")
    result = run("dpo", trained, f"run_dir={tmp_path / 'dpo'}", *keys, "--json")
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["pairs"] > 0
    assert summary["steps"] == 2
    assert (tmp_path / "dpo" / "checkpoints" / "step-00000002" / "model.safetensors").exists()
    assert (tmp_path / "dpo" / "reference" / "logprobs.parquet").exists()


def test_a_second_run_in_the_same_folder_is_refused(trained, online):
    before = sorted(path.name for path in trained.rglob("*"))
    assert_one_line(run(*online()), 2, "already holds a run", "--resume", "--force")
    assert sorted(path.name for path in trained.rglob("*")) == before


@pytest.mark.usefixtures("trained")
def test_resume_refuses_another_group_size(online):
    assert_one_line(run(*online("rollout.group_size=4"), "--resume"), 2, "cannot change rollout.group_size=4")


@pytest.mark.usefixtures("trained")
def test_a_run_that_is_whole_says_that_nothing_is_left(online):
    result = run(*online("train.steps=3"), "--resume")
    assert result.returncode == 0, result.stderr
    assert "all of its 3 steps are made; a larger train.steps goes on" in result.stderr


def test_ctrl_c_finishes_the_step_saves_and_can_be_resumed(tmp_path, online):
    process = Program(tmp_path, online("train.steps=2000"), log=tmp_path)
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not metrics.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send(signal.SIGINT)
    outcome = process.wait()
    assert outcome.code == 130, outcome.stderr
    assert f"go on with run_dir={tmp_path / 'run'} --resume" in outcome.stderr
    done = json.loads((tmp_path / "run" / "summary.json").read_text())["steps"]
    assert len(metrics.read_text().splitlines()) == done
    result = run(*online(f"train.steps={done + 1}"), "--resume")
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["steps"] == done + 1
