"""kill -9 at several moments, then --resume: the weights and the store are those of a run that was never killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import twogrpo as tg

STEPS = 8


@pytest.fixture
def command(tmp_path, model_folder, problems, parity_reward):
    def make(run):
        keys = {
            "run_dir": tmp_path / run,
            "model.path": model_folder,
            "data.path": problems,
            "reward.function": parity_reward,
            "rollout.prompts_per_step": 6,
            "rollout.max_new_tokens": 8,
            "train.steps": STEPS,
            "train.learning_rate": 0.01,
            "train.threads": 1,
            "checkpoint.every_steps": 2,
        }
        return [sys.executable, "-m", "twogrpo", "online", *(f"{key}={value}" for key, value in keys.items())]

    return make


def finished_steps(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    return metrics.read_text().count('"kind": "train"') if metrics.exists() else 0


def run_and_kill(arguments, run, *, after_steps):
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while finished_steps(run) < after_steps and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, process.stderr.read()
    process.stderr.close()


def final_weights(run):
    return (run / "checkpoints" / f"step-{STEPS:08d}" / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_killed_and_resumed_is_as_if_never_killed(tmp_path, command):
    subprocess.run(command("whole"), check=True, capture_output=True)
    for name, kills in {"early": [0], "middle": [3], "twice": [2, 5], "late": [7]}.items():
        run = tmp_path / name
        for index, after_steps in enumerate(kills):
            run_and_kill([*command(name), *(["--resume"] if index else [])], run, after_steps=after_steps)
        subprocess.run([*command(name), "--resume"], check=True, capture_output=True)
        assert final_weights(run) == final_weights(tmp_path / "whole"), name
        assert_same_trajectory(run, tmp_path / "whole")


def assert_same_trajectory(run, whole):
    keys = ["step", "group_id", "rollout_idx", "response_ids", "logprobs", "reward", "advantage"]
    tables = [tg.RolloutStore.open(path).scan().select(keys).sort(keys[:3]).collect() for path in (run, whole)]
    assert tables[0].equals(tables[1])
    assert tables[0].select(keys[:3]).is_unique().all()
    everything = tg.RolloutStore.open(run).scan(include_superseded=True).collect()
    superseded = everything.height - tables[0].height
    assert tg.RolloutStore.open(run).info().superseded_rows == superseded
    assert everything.filter(pl.col("attempt") == everything["attempt"].max()).height <= tables[0].height
