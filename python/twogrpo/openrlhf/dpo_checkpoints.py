"""Checkpoints of a dpo run: DeepSpeed's, which a resumed run goes on from, and Hugging Face folders beside them."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from twogrpo.monitor import MetricsLog
from twogrpo.openrlhf.dpo_job import DpoJob
from twogrpo.train.checkpoint import TrainState, seal_checkpoint

__all__ = ["newest_step", "seal_weights", "take_up_newest"]

# OpenRLHF writes this file when every rank has saved its part.
_COMPLETE = "metric.json"
_LATEST = "latest"
_TAG = re.compile(r"global_step(\d+)")


def newest_step(folder: Path) -> int:
    """Return the step of the newest complete checkpoint; 0 if there is none.

    Args:
        folder: DeepSpeed's, with a folder for each checkpoint.
    """
    return max((step for step, path in _found(folder) if _is_complete(path)), default=0)


def take_up_newest(folder: Path) -> int:
    """Return the newest complete step, made the one that DeepSpeed loads; what was left half written is removed.

    Args:
        folder: As above.
    """
    for _, path in list(_found(folder)):
        if not _is_complete(path):
            shutil.rmtree(path)
    step = newest_step(folder)
    if step:
        temporary = folder / f".{_LATEST}.tmp"
        temporary.write_text(f"global_step{step}")
        temporary.replace(folder / _LATEST)
    return step


def _found(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.glob("global_step*"):
        if tag := _TAG.fullmatch(path.name):
            yield int(tag[1]), path


def _is_complete(path: Path) -> bool:
    return (path / _COMPLETE).exists()


def seal_weights(job: DpoJob, step: int) -> Path:
    """Return the checkpoint that the saved weights become, a Hugging Face folder that any tool opens.

    Args:
        job: The run; the weights are whole in its `files.weights`.
        step: Optimizer steps behind them.

    Raises:
        TrainingError: They cannot be put in their place.
    """
    rows = [row for row in MetricsLog(job.files.metrics).read("train") if row["step"] < step]
    state = TrainState(
        step=step,
        updates=step,
        rollouts=2 * sum(row["pairs"] for row in rows),
        cpu_s=sum(row["cpu_s"] for row in rows),
        wall_s=sum(row["train_s"] for row in rows),
    )
    weights = job.files.weights
    if (weights / "adapter_config.json").exists():
        # OpenRLHF puts the base model's beside an adapter, which then looks like a model that has lost its weights.
        (weights / "config.json").unlink(missing_ok=True)
    return seal_checkpoint(weights, state, keep=job.keep)
