"""Direct preference optimisation (Eq. 4) on summed logprobs of whole responses."""

from torch import Tensor
from torch.nn.functional import logsigmoid

from twogrpo.errors import ConfigError, DataError

__all__ = ["dpo_loss"]

_COIN_TOSS = 0.5  # the order of a pair tells nothing


def dpo_loss(
    chosen_logps_N: Tensor,
    rejected_logps_N: Tensor,
    ref_chosen_logps_N: Tensor,
    ref_rejected_logps_N: Tensor,
    *,
    beta: float,
    pairs: int,
    label_smoothing: float = 0.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the DPO loss summed over the pairs given and divided by the pairs of the whole batch.

    A pair's margin is m = beta * (log pi/ref of the chosen - log pi/ref of the rejected response), its loss
    -log sigmoid(m). With `label_smoothing` = s, the assumed share of pairs whose order is wrong, the loss is
    -(1 - s) log sigmoid(m) - s log sigmoid(-m), the conservative DPO of Mitchell (2023).

    Args:
        chosen_logps_N: log pi(chosen | prompt), summed over the response's tokens, in nats, shape (pairs,).
        rejected_logps_N: The same for the rejected responses.
        ref_chosen_logps_N: The same for the chosen responses under the reference policy; receives no gradient.
        ref_rejected_logps_N: The same for the rejected responses under the reference policy; receives no gradient.
        beta: Strength of the pull towards the reference policy, above 0.
        pairs: Pairs of the whole optimizer step, so that the losses of micro-batches add up.
        label_smoothing: From 0 up to, not including, 0.5.

    Returns:
        The loss, a scalar, and detached sums over the pairs given: `margin_sum`, `chosen_reward_sum` and
        `rejected_reward_sum` (beta * log pi/ref) and `correct_pairs`, those with a margin above 0. At a policy equal
        to its reference every margin is 0 and no pair is correct.

    Raises:
        DataError: If the four shapes differ.
        ConfigError: If `beta`, `pairs` or `label_smoothing` is out of range.

    Source: arXiv:2510.00977, Eq. 4 (arXiv:2305.18290, Eq. 7).
    """
    _check([chosen_logps_N, rejected_logps_N, ref_chosen_logps_N, ref_rejected_logps_N], beta, pairs, label_smoothing)
    chosen_rewards_N = beta * (chosen_logps_N - ref_chosen_logps_N.detach())
    rejected_rewards_N = beta * (rejected_logps_N - ref_rejected_logps_N.detach())
    margins_N = chosen_rewards_N - rejected_rewards_N
    losses_N = -(1 - label_smoothing) * logsigmoid(margins_N) - label_smoothing * logsigmoid(-margins_N)
    metrics = {
        "margin_sum": margins_N.detach().sum(),
        "correct_pairs": (margins_N.detach() > 0).sum(),
        "chosen_reward_sum": chosen_rewards_N.detach().sum(),
        "rejected_reward_sum": rejected_rewards_N.detach().sum(),
    }
    return losses_N.sum() / pairs, metrics


def _check(logps: list[Tensor], beta: float, pairs: int, label_smoothing: float) -> None:
    shapes = [tuple(logps_N.shape) for logps_N in logps]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        found = ", ".join(map(str, shapes))
        raise DataError(
            f"chosen, rejected and their reference logprobs have shapes {found}; expected (pairs,) four times"
        )
    if not beta > 0:
        raise ConfigError(f"dpo.beta={beta} must be above 0; 0.1 is a common choice")
    if not 0 <= label_smoothing < _COIN_TOSS:
        raise ConfigError(f"dpo.label_smoothing={label_smoothing} must be at least 0 and below {_COIN_TOSS}")
    if pairs < max(1, shapes[0][0]):
        raise ConfigError(
            f"pairs={pairs} is less than the {shapes[0][0]} pairs given; pass the pairs of the whole step"
        )
