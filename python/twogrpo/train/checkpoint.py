"""Checkpoints: a Hugging Face folder that any tool opens, with what exact resume needs beside the weights.

A checkpoint exists when its folder has its final name: it is written under a temporary one, synced and renamed.
Random numbers need no state, as every draw is a function of the seed and a counter.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from twogrpo.errors import TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["TrainState", "latest_checkpoint", "load_optimizer", "load_state", "save_checkpoint"]

STATE = "trainer_state.json"
OPTIMIZER = "optimizer.pt"


@dataclass
class TrainState:
    """Where a run stands.

    Attributes:
        step: Steps finished: batches of rollouts when online, optimizer steps for dpo.
        updates: Optimizer steps made; the version of the policy's weights.
        cursor: Prompts drawn so far.
        rollouts: Rollouts trained on or skipped so far.
        cpu_s: CPU seconds of this process spent in steps, evaluations and checkpoints left out.
        wall_s: Wall seconds likewise.
    """

    step: int = 0
    updates: int = 0
    cursor: int = 0
    rollouts: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0


def save_checkpoint(
    folder: Path,
    state: TrainState,
    *,
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    optimizer: torch.optim.Optimizer,
    keep: int,
) -> Path:
    """Write folder/step-NNNNNNNN durably, remove all but the newest `keep`, and return its path."""
    final = folder / f"step-{state.step:08d}"
    temporary = folder / f".{final.name}.tmp"
    for leftover in (*folder.glob(".step-*.tmp"), final):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    torch.save(optimizer.state_dict(), temporary / OPTIMIZER)
    (temporary / STATE).write_text(json.dumps(asdict(state), indent=2) + "\n")
    for file in temporary.rglob("*"):
        _sync(file)
    _sync(temporary)
    temporary.rename(final)
    _sync(folder)
    for old in _complete(folder)[:-keep]:
        shutil.rmtree(old)
    return final


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint, or None."""
    complete = _complete(folder)
    return complete[-1] if complete else None


def load_state(checkpoint: Path) -> TrainState:
    """Return where the run stood at a checkpoint.

    Raises:
        TrainingError: trainer_state.json cannot be read.
    """
    try:
        return TrainState(**json.loads((checkpoint / STATE).read_text()))
    except (OSError, ValueError, TypeError) as error:
        msg = f"{checkpoint / STATE} cannot be read ({error}); remove this checkpoint to resume from the one before"
        raise TrainingError(msg) from error


def load_optimizer(optimizer: torch.optim.Optimizer, checkpoint: Path, device: torch.device) -> None:
    """Put a checkpoint's moments and counters into `optimizer`."""
    optimizer.load_state_dict(torch.load(checkpoint / OPTIMIZER, map_location=device, weights_only=True))


def _complete(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if (path / STATE).exists())


def _sync(path: Path) -> None:
    # Windows can neither open nor sync a folder.
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
