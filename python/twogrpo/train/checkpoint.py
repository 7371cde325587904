"""Checkpoints: a Hugging Face folder that any tool opens, with what exact resume needs beside the weights.

A checkpoint exists when its folder has its final name: it is written under a temporary one, synced and renamed.
Random numbers need no state, as every draw is a function of the seed and a counter.
"""

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from twogrpo.adapters import load_adapter
from twogrpo.disk_sync import sync
from twogrpo.errors import DataError, TrainingError
from twogrpo.models import load_policy

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = [
    "TrainState",
    "latest_checkpoint",
    "load_optimizer",
    "load_state",
    "load_weights",
    "save_checkpoint",
    "seal_checkpoint",
]

STATE = "trainer_state.json"
OPTIMIZER = "optimizer.pt"
_NAME = re.compile(r"step-\d{8,}")


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
    """Write folder/step-NNNNNNNN durably, remove all but the newest `keep`, and return its path.

    Raises:
        TrainingError: It cannot be written, as the disk is full; the checkpoints before it are as they were.
    """
    final = folder / _name(state.step)
    temporary = folder / f".{final.name}.tmp"
    for leftover in (*folder.glob(".step-*.tmp"), final):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        torch.save(optimizer.state_dict(), temporary / OPTIMIZER)
        _seal(temporary, final, state)
    except Exception as error:  # safetensors and torch raise what shares no base
        shutil.rmtree(temporary, ignore_errors=True)
        raise TrainingError(
            f"checkpoint {final} cannot be written: {_one_line(error)}; the checkpoints before it are as they were; "
            "free some space, then go on with --resume"
        ) from error
    _keep_newest(folder, keep)
    return final


def seal_checkpoint(temporary: Path, state: TrainState, *, keep: int) -> Path:
    """Give a folder of weights that another program has saved its place beside the checkpoints, and return its path.

    It can be evaluated and trained on like any checkpoint, but without an optimizer no run resumes from it.

    Args:
        temporary: The folder, in that of the checkpoints.
        state: Where the run stands.
        keep: As in `save_checkpoint`.

    Raises:
        TrainingError: It cannot be written.
    """
    final = temporary.with_name(_name(state.step))
    try:
        shutil.rmtree(final, ignore_errors=True)
        _seal(temporary, final, state)
    except OSError as error:
        raise TrainingError(
            f"checkpoint {final} cannot be written: {_one_line(error)}; free some space, then go on with --resume"
        ) from error
    _keep_newest(final.parent, keep)
    return final


def _seal(temporary: Path, final: Path, state: TrainState) -> None:
    (temporary / STATE).write_text(json.dumps(asdict(state), indent=2) + "\n")
    for file in temporary.rglob("*"):
        sync(file)
    sync(temporary)
    temporary.rename(final)
    sync(final.parent)


def _keep_newest(folder: Path, keep: int) -> None:
    for old in _complete(folder)[:-keep]:
        shutil.rmtree(old)


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
        state = TrainState(**json.loads((checkpoint / STATE).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(checkpoint, f"{STATE} cannot be read ({_one_line(error)})") from error
    if not _is_sound(state) or checkpoint.name != _name(state.step):
        raise _unusable(checkpoint, f"{STATE} is not the state of {checkpoint.name}")
    return state


def load_optimizer(optimizer: torch.optim.Optimizer, checkpoint: Path, device: torch.device) -> None:
    """Put a checkpoint's moments and counters into `optimizer`.

    Raises:
        TrainingError: They cannot be read, or are another model's.
    """
    try:
        optimizer.load_state_dict(torch.load(checkpoint / OPTIMIZER, map_location=device, weights_only=True))
    except Exception as error:  # torch's readers raise what shares no base
        raise _unusable(checkpoint, f"{OPTIMIZER} cannot be read ({_one_line(error)})") from error
    # torch compares the number of weights alone; the first step would fail.
    if any(
        moment.dim() > 0 and moment.shape != weight.shape
        for weight, moments in optimizer.state.items()
        for moment in moments.values()
        if isinstance(moment, torch.Tensor)
    ):
        raise _unusable(checkpoint, f"{OPTIMIZER} is that of another model")


def load_weights(
    checkpoint: Path,
    *,
    device: torch.device,
    gradient_checkpointing: bool,
    base: str | None = None,
    base_dtype: torch.dtype = torch.float32,
) -> "PreTrainedModel":
    """Return a checkpoint's model, to be trained further.

    Args:
        checkpoint: Its folder.
        device: Where the model goes.
        gradient_checkpointing: Recompute activations in the backward pass.
        base: Folder or hub id of the frozen model, where the checkpoint is an adapter.
        base_dtype: Of the frozen model's weights.

    Raises:
        TrainingError: It cannot be read.
    """
    try:
        if base is None:
            return load_policy(
                str(checkpoint), device=device, gradient_checkpointing=gradient_checkpointing, label="its model"
            )
        frozen = load_policy(base, device=device, gradient_checkpointing=gradient_checkpointing, dtype=base_dtype)
        return load_adapter(frozen, checkpoint, is_trainable=True)
    except DataError as error:
        raise _unusable(checkpoint, str(error)) from error


def _unusable(checkpoint: Path, reason: str) -> TrainingError:
    earlier = [path for path in _complete(checkpoint.parent) if path.name < checkpoint.name]
    place = f"from {earlier[-1].name}" if earlier else "from the start, as there is no checkpoint before it"
    return TrainingError(f"checkpoint {checkpoint}: {reason}; move the folder away to resume {place}")


def _complete(folder: Path) -> list[Path]:
    # A folder that was renamed, such as to step-00000003.bad, is out of the way.
    return sorted(path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and (path / STATE).exists())


def _name(step: int) -> str:
    return f"step-{step:08d}"


def _is_sound(state: TrainState) -> bool:
    """Return whether the values, which anybody may have edited, are those of a run."""
    counts = (state.step, state.updates, state.cursor, state.rollouts)
    return all(type(count) is int and count >= 0 for count in counts) and all(
        isinstance(seconds, int | float) for seconds in (state.cpu_s, state.wall_s)
    )


def _one_line(error: Exception) -> str:
    """Return what an error says in its first sentence; torch appends an essay."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ", 1)[0]
