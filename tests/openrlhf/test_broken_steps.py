"""A step that went wrong ends the run, and what it has left is not kept."""

from types import SimpleNamespace

import pytest

from tests.openrlhf.online_runs import metrics, words
from twogrpo.errors import TrainingError


@pytest.fixture(scope="module")
def recording(on_cpu):  # noqa: ARG001  # OpenRLHF is imported with the stub of flash-attn
    from twogrpo.openrlhf import recording

    return recording


@pytest.mark.parametrize("status", [{"policy_loss": float("nan")}, {"policy_loss": 0.1, "actor_grad_norm": -1.0}])
def test_a_step_that_is_not_finite_ends_the_run_and_is_not_kept(recording, monkeypatch, status):
    monkeypatch.setattr(recording.BasePPOTrainer, "train_step", lambda _self, _samples, step: (dict(status), step + 1))
    trainer = object.__new__(recording.RecordingTrainer)
    trainer._settings = SimpleNamespace(config=SimpleNamespace(updates_per_step=1))
    trainer._reached = (4, {})
    rollout = SimpleNamespace(statistics={}, policy_version=4)
    with pytest.raises(TrainingError, match=r"step 4: .* lower train\.learning_rate.*--resume"):
        trainer.train_step([SimpleNamespace(labels=[rollout])], 4)
    assert trainer._reached == (0, {})


@pytest.fixture(scope="module")
def diverged(launch, tmp_path_factory, tiny_model, problems, parity_reward):
    """A run whose third step has no finite loss, while the generator waits for room in the queue."""
    run = tmp_path_factory.mktemp("diverged") / "run"
    keys = ["train.steps=50", "train.learning_rate=1e-3", "openrlhf.mode=async", "checkpoint.every_steps=1"]
    return run, launch(
        words(run, tiny_model, problems, parity_reward, *keys), code=4, env={"TWOGRPO_PROBE_LOSSES": "2"}
    )


def test_a_trainer_that_diverges_ends_a_run_that_overlaps(diverged):
    run, outcome = diverged
    assert outcome.stderr.splitlines()[-1].startswith("twogrpo: step 2: the loss is nan")
    assert [row["step"] for row in metrics(run)] == [0, 1]


def test_the_checkpoint_before_the_broken_step_is_the_newest(diverged):
    run, _ = diverged
    assert (run / "checkpoints" / "deepspeed" / "_actor" / "latest").read_text() == "global_step2"
