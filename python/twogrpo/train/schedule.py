"""The learning rate as a pure function of the optimizer step, so that a resumed run needs no scheduler state."""

import math
from typing import Literal

__all__ = ["learning_rate"]


def learning_rate(
    update: int,
    *,
    peak: float,
    warmup_updates: int,
    total_updates: int,
    schedule: Literal["constant", "linear", "cosine"],
) -> float:
    """Return the learning rate of optimizer step `update`, counted from 0.

    The first step has peak / warmup_updates, never 0. `linear` and `cosine` fall from the peak, which the warm-up
    reaches, to 0 after the last step, as the schedules of transformers do.

    Args:
        update: Optimizer steps already made, in [0, total_updates).
        peak: The rate after the warm-up.
        warmup_updates: Steps of the linear rise.
        total_updates: Steps of the whole run.
        schedule: What multiplies the rate after the warm-up.
    """
    rise = min(1.0, (update + 1) / max(1, warmup_updates))
    done = max(0, update - warmup_updates) / max(1, total_updates - warmup_updates)
    fall = {"constant": 1.0, "linear": 1.0 - done, "cosine": 0.5 * (1.0 + math.cos(math.pi * done))}[schedule]
    return peak * rise * fall
