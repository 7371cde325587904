"""The clipped policy objective (Eq. 5), and the rule of which rollouts it may be computed without."""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from twogrpo.errors import ConfigError, DataError
from twogrpo.objectives.ratios import bounded, check_shapes, masked_log_ratio

__all__ = ["AggregateName", "contributes", "policy_loss"]

AggregateName = Literal["sequence_mean", "token_mean", "constant"]


class _Terms(NamedTuple):
    """Eq. 5 before it is aggregated; where the mask is False the objective is 0 and the ratio 1."""

    objective_BT: Tensor
    ratio_BT: Tensor
    log_ratio_BT: Tensor


def policy_loss(
    logps_BT: Tensor,
    old_logps_BT: Tensor,
    advantages_B: Tensor,
    mask_BT: Tensor,
    *,
    aggregate: AggregateName = "sequence_mean",
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    rollouts: float,
    tokens: float,
    max_tokens: int | None = None,
    weights_BT: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the clipped policy loss, -sum of min(ratio A, clip(ratio) A) over a denominator of the whole batch.

    The rows given are a micro-batch, or what is left after skipping; the denominators count the whole optimizer step,
    tied rollouts included. Losses and gradients of micro-batches therefore add up, and leaving out rows of zero
    advantage changes nothing. Dividing by the rows given would inflate the gradient by the share that was left out.

    Args:
        logps_BT: log pi of each response token in nats, shape (sequences, tokens).
        old_logps_BT: log pi_old, same shape; receives no gradient.
        advantages_B: One advantage a sequence, shape (sequences,); receives no gradient.
        mask_BT: True where a response token stands, same shape. What stands elsewhere is never read, NaN included; a
            row without any token contributes 0.
        aggregate: "sequence_mean" (Eq. 5: each rollout's mean over its tokens, over `rollouts`), "token_mean" (sum over
            `tokens`, DAPO and verl) or "constant" (sum over `rollouts * max_tokens`, Dr. GRPO).
        clip_low: The ratio is clipped below at 1 - clip_low, from 0 to 1.
        clip_high: The ratio is clipped above at 1 + clip_high, at least 0.
        rollouts: Rollouts of the whole step, above 0.
        tokens: Response tokens of the whole step, above 0.
        max_tokens: Longest response that sampling allows; used by "constant" alone.
        weights_BT: Importance weights pi_old / mu, same shape; receive no gradient.

    Returns:
        The loss, a scalar to be minimised, and detached sums over the tokens given: `tokens`, `clipped_low_tokens` and
        `clipped_high_tokens` (those whose gradient the clip removes), `ratio_sum`, `approx_kl_sum` (ratio - 1 - log
        ratio, an estimate of KL(pi_old || pi) in nats), and `ratio_max`, the one that is a maximum.

    Raises:
        DataError: If shapes do not fit.
        ConfigError: If `aggregate`, a clip or a denominator is out of range.

    Source: arXiv:2510.00977, Eq. 5, with the sign turned. Departure: log ratios are cut to +-20 nats, where the
    gradient ends.
    """
    check_shapes(logps_BT, mask_BT, old_logps_BT=old_logps_BT, weights_BT=weights_BT)
    if advantages_B.shape != logps_BT.shape[:1]:
        found = tuple(advantages_B.shape)
        raise DataError(f"advantages have shape {found}; expected {tuple(logps_BT.shape[:1])}, one a sequence")
    divisor = _divisor(aggregate, rollouts, tokens, max_tokens)
    clip = _clip_range(clip_low, clip_high)
    mask_BT = mask_BT.bool()
    advantages_B1 = advantages_B.detach().to(logps_BT.dtype).unsqueeze(1)
    terms = _clipped_terms(logps_BT, old_logps_BT, advantages_B1, mask_BT, clip)
    objective_BT = terms.objective_BT
    if weights_BT is not None:
        objective_BT = objective_BT * torch.where(mask_BT, weights_BT.detach(), 0.0).to(objective_BT.dtype)
    objective_B = objective_BT.sum(dim=1)
    if aggregate == "sequence_mean":
        objective_B = objective_B / mask_BT.sum(dim=1).clamp(min=1)
    return -objective_B.sum() / divisor, _metrics(terms, advantages_B1, mask_BT, clip)


def contributes(advantages_B: Tensor) -> Tensor:
    """Return which rollouts have to be forwarded, shape (sequences,), bool; the others may be left out.

    The rule belongs to a loss whose every term is multiplied by the advantage, as `policy_loss` is: there an advantage
    of exactly 0 has zero gradient whatever the policy says. A loss with a KL or entropy term must not skip at all.
    """
    return advantages_B != 0


def _clipped_terms(
    logps_BT: Tensor, old_logps_BT: Tensor, advantages_B1: Tensor, mask_BT: Tensor, clip: tuple[float, float]
) -> _Terms:
    log_ratio_BT = bounded(masked_log_ratio(logps_BT, old_logps_BT.detach(), mask_BT))
    ratio_BT = log_ratio_BT.exp()
    objective_BT = torch.minimum(ratio_BT * advantages_B1, ratio_BT.clamp(*clip) * advantages_B1)
    return _Terms(torch.where(mask_BT, objective_BT, 0.0), ratio_BT, log_ratio_BT)


def _metrics(terms: _Terms, advantages_B1: Tensor, mask_BT: Tensor, clip: tuple[float, float]) -> dict[str, Tensor]:
    ratio_BT, log_ratio_BT = terms.ratio_BT.detach(), terms.log_ratio_BT.detach()
    low, high = clip
    taken = torch.where(mask_BT, ratio_BT, 0.0)
    return {
        "tokens": mask_BT.sum(),
        "clipped_low_tokens": (mask_BT & (ratio_BT < low) & (advantages_B1 < 0)).sum(),
        "clipped_high_tokens": (mask_BT & (ratio_BT > high) & (advantages_B1 > 0)).sum(),
        "ratio_sum": taken.sum(),
        "ratio_max": taken.amax() if taken.numel() else taken.sum(),
        # expm1 keeps the digits that ratio - 1 loses near ratio 1.
        "approx_kl_sum": (log_ratio_BT.expm1() - log_ratio_BT).sum(),
    }


def _divisor(aggregate: str, rollouts: float, tokens: float, max_tokens: int | None) -> float:
    if aggregate not in get_args(AggregateName):
        names = ", ".join(get_args(AggregateName))
        raise ConfigError(f"objective.aggregate={aggregate!r} is unknown; use one of {names}")
    if not (rollouts > 0 and tokens > 0):
        raise ConfigError(f"rollouts={rollouts}, tokens={tokens}: both count the whole optimizer step, so are above 0")
    if aggregate == "token_mean":
        return tokens
    if aggregate == "sequence_mean":
        return rollouts
    if max_tokens is None or max_tokens < 1:
        raise ConfigError(f"objective.aggregate=constant needs max_tokens of at least 1, found {max_tokens}")
    return rollouts * max_tokens


def _clip_range(clip_low: float, clip_high: float) -> tuple[float, float]:
    if not (0 <= clip_low <= 1 and clip_high >= 0):
        found = f"objective.clip_low={clip_low}, objective.clip_high={clip_high}"
        raise ConfigError(f"{found}; expected clip_low from 0 to 1 and clip_high of at least 0")
    return 1 - clip_low, 1 + clip_high
