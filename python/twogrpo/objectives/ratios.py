"""Ratios of two policies' probabilities, and the weights that correct for a sampler whose numbers differ.

Three policies are kept apart. mu sampled the rollout; pi_old is the centre of the clip; pi is trained. The ratio of
the objective is pi / pi_old. Where the sampler is not pi_old (another engine, bfloat16, replay), the truncated weight
pi_old / mu multiplies each term beside it.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from twogrpo.errors import ConfigError, DataError

__all__ = ["LevelName", "bounded", "check_shapes", "effective_share", "importance_weights", "masked_log_ratio"]

LevelName = Literal["token", "sequence"]

# Beyond e^20 a ratio is a defect upstream; cut there, its exponential and its square are finite in float32.
_MAX_LOG_RATIO = 20.0


def masked_log_ratio(logps_BT: Tensor, other_logps_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """Return log pi - log pi_other in nats, 0 where the mask is False, whatever stands there.

    Masking comes before any exponential: a NaN or an infinity behind it would return as 0 * NaN in the gradient.
    """
    return torch.where(mask_BT, logps_BT - other_logps_BT, 0.0)


def bounded(log_ratio: Tensor) -> Tensor:
    """Return log ratios cut to +-20 nats, so that their exponentials are finite; no gradient flows beyond."""
    return log_ratio.clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO)


def importance_weights(
    old_logps_BT: Tensor, behaviour_logps_BT: Tensor, mask_BT: Tensor, *, level: LevelName, cap: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return truncated weights min(pi_old / mu, cap) with the sums that tell how much they can be trusted.

    Args:
        old_logps_BT: log pi_old of each response token in nats, shape (sequences, tokens).
        behaviour_logps_BT: log mu, what the sampler reported, same shape.
        mask_BT: True where a response token stands, same shape.
        level: "token" gives each token its own weight; "sequence" gives all tokens of a response the product of theirs.
        cap: Largest weight, above 0.

    Returns:
        Weights, same shape, without a graph, 0 where the mask is False; and sums over the weights made, one a token or
        one a response with any token: `weights` (their number), `weight_sum` and `weight_square_sum` (see
        `effective_share`), `truncated_weights` (the number above the cap), `truncated_mass` (what the cap took away).

    Raises:
        DataError: If shapes do not fit.
        ConfigError: If `level` is unknown or `cap` is not above 0.

    Source: truncated importance sampling (Ionides, 2008) as FlashRL applies it between two engines. Log ratios are cut
    to +-20 nats before anything else.
    """
    check_shapes(old_logps_BT, mask_BT, behaviour_logps_BT=behaviour_logps_BT)
    if level not in get_args(LevelName):
        raise ConfigError(f"objective.importance.level={level!r} is unknown; use token or sequence")
    if not cap > 0:
        raise ConfigError(f"objective.importance.cap={cap} must be above 0; 2 is a common choice")
    mask_BT = mask_BT.bool()
    log_ratio = masked_log_ratio(old_logps_BT.detach(), behaviour_logps_BT.detach(), mask_BT)
    is_made = mask_BT
    if level == "sequence":
        log_ratio, is_made = log_ratio.sum(dim=1, keepdim=True), mask_BT.any(dim=1, keepdim=True)
    full = torch.where(is_made, bounded(log_ratio).exp(), 0.0)
    weights = full.clamp(max=cap)
    metrics = {
        "weights": is_made.sum(),
        "weight_sum": weights.sum(),
        "weight_square_sum": weights.square().sum(),
        "truncated_weights": (full > cap).sum(),
        "truncated_mass": (full - weights).sum(),
    }
    return torch.where(mask_BT, weights, 0.0), metrics


def effective_share(*, weights: float, weight_sum: float, weight_square_sum: float) -> float:
    """Return Kish's effective sample size as a share of the sample, from 1 / weights to 1.

    The arguments are sums of `importance_weights` over as many micro-batches as wanted; 1 where there are no weights.
    """
    if weights == 0 or weight_square_sum == 0:
        return 1.0
    return weight_sum**2 / (weights * weight_square_sum)


def check_shapes(logps_BT: Tensor, mask_BT: Tensor, **others: Tensor | None) -> None:
    """Refuse what broadcasting would silently accept.

    Raises:
        DataError: If the logprobs are no matrix, or a tensor's shape is not theirs.
    """
    expected = tuple(logps_BT.shape)
    if len(expected) != 2:  # noqa: PLR2004  # a matrix
        raise DataError(f"logprobs have shape {expected}; expected (sequences, tokens)")
    for name, tensor in {"mask_BT": mask_BT, **others}.items():
        if tensor is not None and tuple(tensor.shape) != expected:
            raise DataError(f"{name} has shape {tuple(tensor.shape)}; expected {expected}, as the logprobs")
