"""Checkpoints that a killed dpo run leaves, and those that it gives away."""

import json

import pytest

from twogrpo.adapters import holds_adapter
from twogrpo.monitor import MetricsLog
from twogrpo.openrlhf.dpo_checkpoints import newest_step, seal_weights, take_up_newest
from twogrpo.openrlhf.dpo_job import DpoJob
from twogrpo.train.checkpoint import latest_checkpoint, load_state


@pytest.fixture
def saved(tmp_path):
    """A folder of DeepSpeed's with steps 2 and 10 complete, 12 half written, and `latest` half written as well."""
    for step in (2, 10, 12):
        (tmp_path / f"global_step{step}").mkdir()
    for step in (2, 10):
        (tmp_path / f"global_step{step}" / "metric.json").write_text("{}")
    (tmp_path / "latest").write_text("")
    return tmp_path


def test_the_newest_complete_checkpoint_is_found(saved):
    assert newest_step(saved) == 10


def test_the_newest_complete_checkpoint_is_the_one_to_load(saved):
    assert take_up_newest(saved) == 10
    assert (saved / "latest").read_text() == "global_step10"


def test_what_is_half_written_goes(saved):
    take_up_newest(saved)
    assert sorted(path.name for path in saved.glob("global_step*")) == ["global_step10", "global_step2"]


def test_a_folder_without_checkpoints_has_none(tmp_path):
    assert take_up_newest(tmp_path / "missing") == 0
    assert newest_step(tmp_path) == 0


def test_a_sealed_adapter_is_one_and_no_model(tmp_path):
    job = DpoJob(tmp_path, (), steps=1, first_step=0, keep=1)
    job.files.weights.mkdir(parents=True)
    for name in ("config.json", "adapter_config.json"):
        (job.files.weights / name).write_text("{}")
    assert holds_adapter(seal_weights(job, 1))


def test_sealed_weights_are_a_checkpoint_with_its_state(tmp_path):
    job = DpoJob(tmp_path, (), steps=9, first_step=0, keep=1)
    for step in range(4):
        row = {"kind": "train", "step": step, "pairs": 2, "cpu_s": 1.0, "train_s": 0.5}
        MetricsLog(job.files.metrics).append(row)
    for step in (2, 3):
        job.files.weights.mkdir(parents=True)
        (job.files.weights / "config.json").write_text("{}")
        path = seal_weights(job, step)
    assert path == latest_checkpoint(job.files.checkpoints)
    state = load_state(path)
    assert (state.step, state.updates, state.rollouts, state.cpu_s, state.wall_s) == (3, 3, 12, 3.0, 1.5)
    assert [folder.name for folder in job.files.checkpoints.iterdir()] == ["step-00000003"]
    assert json.loads((path / "config.json").read_text()) == {}
