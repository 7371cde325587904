"""Group-relative advantages (Eq. 6).

What is left out on purpose: any judgement on rewards. A group with a failed reward is made inert by whoever scored
it, before it comes here.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from twogrpo.errors import ConfigError, DataError

__all__ = ["StdName", "group_advantages"]

StdName = Literal["population", "sample", "none"]


def group_advantages(rewards_PG: Tensor, *, std: StdName = "population", eps: float = 0.0) -> Tensor:
    """Return group-relative advantages, (r - mean) / (std + eps), one row a prompt.

    With `std="population"`, `eps=0` and G = 2, any two different rewards give exactly +1 and -1. `std="sample"`
    reproduces TRL (`eps=1e-4`), verl (`1e-6`) and OpenRLHF (`1e-9`), all +-0.7071 at G = 2: a hidden factor of sqrt(2)
    in the learning rate. `std="none"` is r - mean, as in Dr. GRPO.

    A group is tied if its rewards are equal as numbers, never because their standard deviation is small: 16 rewards
    of 0.1 have a float32 mean other than 0.1, and dividing that rounding by itself invents advantages of 0.86. The
    other side of this rule: rewards that differ by rounding alone, as 0.1 + 0.2 and 0.3 do, are not tied.

    Args:
        rewards_PG: Rewards, shape (prompts, group), any finite floats.
        std: What the deviations are divided by; `eps` is not used with "none".
        eps: Added to the standard deviation, in units of the reward, at least 0. Ties need none.

    Returns:
        Advantages, same shape, dtype and device, without a graph. Tied rows are exact zeros.

    Raises:
        DataError: If the rewards are not a matrix of floats, G < 2, or a reward is not finite (the row is named).
        ConfigError: If `std` is unknown or `eps` is negative.

    Source: arXiv:2510.00977, Eq. 6 and Section 4.1. Departure: the paper's eps is 0 unless given.
    """
    _check(rewards_PG, std, eps)
    unit_PG, span_P1 = _unit_rewards(rewards_PG.detach().double())
    deviations_PG = unit_PG - unit_PG.mean(dim=1, keepdim=True)
    if std == "none":
        advantages_PG = deviations_PG * span_P1
    else:
        members = rewards_PG.shape[1] - (std == "sample")
        std_P1 = (deviations_PG.square().sum(dim=1, keepdim=True) / members).sqrt()
        advantages_PG = deviations_PG / (std_P1 + torch.full_like(span_P1, eps) / span_P1)
    return advantages_PG.masked_fill(span_P1 == 0, 0.0).to(rewards_PG.dtype)


def _unit_rewards(rewards_PG: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row mapped linearly onto [0, 1], and the length (P, 1) of the interval it came from.

    Advantages do not change under such a map apart from the unit of eps. On [0, 1] squares neither overflow nor
    vanish, binary rewards stay what they are, and two different rewards are 0 and 1, whence exactly +-1.
    """
    # Only rewards beyond 1 are scaled: the difference of two huge ones would overflow.
    scale_P1 = rewards_PG.abs().amax(dim=1, keepdim=True).clamp(min=1.0)
    scaled_PG = rewards_PG / scale_P1
    lowest_P1 = scaled_PG.amin(dim=1, keepdim=True)
    length_P1 = scaled_PG.amax(dim=1, keepdim=True) - lowest_P1
    unit_PG = (scaled_PG - lowest_P1) / torch.where(length_P1 == 0, 1.0, length_P1)
    return unit_PG, length_P1 * scale_P1


def _check(rewards_PG: Tensor, std: str, eps: float) -> None:
    if std not in get_args(StdName):
        raise ConfigError(f"advantage.std={std!r} is unknown; use one of {', '.join(get_args(StdName))}")
    if not eps >= 0:
        raise ConfigError(f"advantage.eps={eps} is negative; use 0, or the constant of the convention to reproduce")
    if rewards_PG.dim() != 2 or not rewards_PG.is_floating_point():  # noqa: PLR2004  # a matrix
        shape = tuple(rewards_PG.shape)
        raise DataError(f"rewards have shape {shape} and {rewards_PG.dtype}; expected floats of shape (prompts, group)")
    if rewards_PG.shape[1] < 2:  # noqa: PLR2004  # a pair
        row = "row 0" if len(rewards_PG) else "the batch"
        raise DataError(f"{row} has {rewards_PG.shape[1]} rewards; a group needs at least 2 rollouts to compare")
    if not bool(torch.isfinite(rewards_PG).all()):
        row, member = (~torch.isfinite(rewards_PG)).nonzero()[0].tolist()
        raise DataError(
            f"reward of row {row}, member {member} is {float(rewards_PG[row, member])}; expected a finite number: "
            "make a group with a failed reward inert before its advantages are computed"
        )
