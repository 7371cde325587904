"""How much disk a run needs: its rollouts at their longest, and its checkpoints."""

from dataclasses import dataclass
from pathlib import Path

from twogrpo.preflight.machine import in_words
from twogrpo.preflight.report import Fact, Section

__all__ = ["DiskEstimate", "disk_section", "estimate_disk"]

# Bytes a token in the store's segments, as measured on real text with a vocabulary of 152k: see docs/store.
ID_BYTES = 1.65
LOGPROB_BYTES = {"float32": 2.67, "float16": 1.61}
TEXT_BYTES = 2.0
# Every other column of a row.
ROW_BYTES = 100
# Weights and Adam's two moments, in float32.
CHECKPOINT_BYTES_PER_PARAMETER = 12


@dataclass(frozen=True)
class DiskEstimate:
    """Bytes, by what takes them."""

    rollouts: int
    evaluations: int
    checkpoints: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.rollouts + self.evaluations + self.checkpoints


def estimate_disk(
    *,
    parameters: int,
    rollouts: int,
    answers: int,
    prompt_tokens: float,
    response_tokens: int,
    answer_tokens: int,
    logprob_dtype: str,
    keep_text: bool,
    checkpoints: int,
    checkpoint_bytes: float = CHECKPOINT_BYTES_PER_PARAMETER,
) -> DiskEstimate:
    """Return the bytes of a run whose every response is as long as it may be.

    Args:
        parameters: Of the model.
        rollouts: Of the whole run.
        answers: Of all its evaluations.
        prompt_tokens: Of a prompt, on average.
        response_tokens: Longest response.
        answer_tokens: Longest answer of an evaluation.
        logprob_dtype: As in `store.logprob_dtype`.
        keep_text: As in `store.keep_text`.
        checkpoints: Complete ones on disk at one time.
        checkpoint_bytes: Bytes of one checkpoint, a parameter.
    """
    token = ID_BYTES + LOGPROB_BYTES[logprob_dtype] + (TEXT_BYTES if keep_text else 0.0)
    fixed = ROW_BYTES + prompt_tokens * (ID_BYTES + TEXT_BYTES)
    return DiskEstimate(
        rollouts=round(rollouts * (fixed + response_tokens * token)),
        evaluations=round(answers * (fixed + answer_tokens * token)),
        checkpoints=round(checkpoints * parameters * checkpoint_bytes),
    )


def disk_section(estimate: DiskEstimate, *, checkpoints: int, run_dir: Path, free: int) -> Section:
    """Return what the run needs beside what is free.

    Args:
        estimate: What it needs.
        checkpoints: Complete ones on disk at one time.
        run_dir: The run folder.
        free: Bytes left on its file system.
    """
    facts = (
        _at_most("rollouts", estimate.rollouts),
        _at_most("evaluations", estimate.evaluations),
        Fact(
            "checkpoints_bytes",
            estimate.checkpoints,
            f"{in_words(estimate.checkpoints)}: checkpoint.keep={checkpoints - 1} and the one being written",
        ),
        _at_most("total", estimate.total),
        Fact("free_bytes", free, f"{in_words(free)} on the file system of {run_dir}"),
    )
    warnings = []
    if estimate.total > free:
        warnings.append(
            f"the run may need {in_words(estimate.total)} and {in_words(free)} are free on the file system of "
            f"{run_dir}: name a run_dir elsewhere, or lower checkpoint.keep"
        )
    return Section("disk", facts, tuple(warnings))


def _at_most(name: str, size: int) -> Fact:
    # What a run does not have is no news.
    return Fact(f"{name}_bytes", size, f"{in_words(size)} at most", is_detail=size == 0)
