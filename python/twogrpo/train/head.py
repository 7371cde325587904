"""Logprobs and entropies from hidden states, a chunk of tokens at a time, recomputed in the backward pass.

At a vocabulary of 152k one row of 4,096 tokens has 2.5 GB of float32 logits, and a log-softmax with its gradient makes
three times that. Here the logits of one chunk exist at once, forward and backward: what is kept between the two passes
is one hidden state and two numbers a token. The price is one more product with the head in the backward pass.

Weight and bias come as they are trained and are narrowed inside. Their gradients are sums over chunks. In bfloat16 such
a sum would lose digits with every chunk, so it is kept in float32 at least, and narrowed once at its end.
"""

from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["head_values", "logits_chunk"]

# Bytes of one chunk of float32 logits. On an accelerator small products would leave most of it idle.
_CPU_BYTES, _ACCELERATOR_BYTES = 40 << 20, 512 << 20
_SMALLEST_CHUNK = 16


class _Settings(NamedTuple):
    chunk_tokens: int
    temperature: float
    with_entropy: bool
    # Of the products with the head.
    dtype: torch.dtype


def logits_chunk(vocabulary: int, *, is_on_cpu: bool) -> int:
    """Return how many tokens' logits may exist at once."""
    return max(_SMALLEST_CHUNK, (_CPU_BYTES if is_on_cpu else _ACCELERATOR_BYTES) // (4 * vocabulary))


def head_values(
    head: nn.Linear,
    hidden_NH: Tensor,
    targets_N: Tensor,
    *,
    temperature: float,
    with_entropy: bool,
    chunk_tokens: int,
) -> tuple[Tensor, Tensor | None]:
    """Return the targets' logprobs under softmax(logits / temperature) and those distributions' entropies, in nats.

    Args:
        head: The output embedding.
        hidden_NH: Last hidden states, shape (tokens, width).
        targets_N: Token ids, shape (tokens,).
        temperature: Above 0.
        with_entropy: Whether entropies are wanted; None is returned in their place otherwise.
        chunk_tokens: Tokens whose logits exist at once.

    Returns:
        Two tensors of shape (tokens,), float32, or float64 for float64 hidden states. Both carry gradients to the
        hidden states, the head's weight and its bias.
    """
    dtype = head.weight.dtype
    if torch.is_autocast_enabled(hidden_NH.device.type):
        # What autocast would do to the head; its casts do not reach inside a function of our own.
        dtype = torch.get_autocast_dtype(hidden_NH.device.type)
        hidden_NH = hidden_NH.to(dtype)
    settings = _Settings(chunk_tokens, temperature, with_entropy, dtype)
    values = _Head.apply(hidden_NH, head.weight, head.bias, targets_N, settings)
    logps_N, entropies_N = cast("tuple[Tensor, Tensor]", values)
    return logps_N, entropies_N if with_entropy else None


class _Head(torch.autograd.Function):
    """The same chunks forwards and backwards; between them only the hidden states and the normalisers are kept."""

    @staticmethod
    def forward(
        context: Any,  # noqa: ANN401  # torch's own
        hidden_NH: Tensor,
        weight_VH: Tensor,
        bias_V: Tensor | None,
        targets_N: Tensor,
        settings: _Settings,
    ) -> tuple[Tensor, Tensor]:
        wide = torch.promote_types(hidden_NH.dtype, torch.float32)
        logps_N, normalisers_N = (torch.empty(len(hidden_NH), dtype=wide, device=hidden_NH.device) for _ in range(2))
        entropies_N = torch.zeros_like(logps_N)
        head = _NarrowHead.of(weight_VH, bias_V, settings)
        for part in _chunks(len(hidden_NH), settings.chunk_tokens):
            logits_CV = head.logits(hidden_NH[part])
            normaliser_C = logits_CV.logsumexp(dim=1)
            normalisers_N[part] = normaliser_C
            logps_N[part] = logits_CV.gather(1, targets_N[part, None]).squeeze(1) - normaliser_C
            if settings.with_entropy:
                # H = log Z - E[logit]: one pass less than summing p log p.
                means_C = (logits_CV - normaliser_C[:, None]).exp_().mul_(logits_CV).sum(dim=1)
                entropies_N[part] = normaliser_C - means_C
        context.save_for_backward(hidden_NH, weight_VH, bias_V, targets_N, normalisers_N, entropies_N)
        context.settings = settings
        return logps_N, entropies_N

    @staticmethod
    @once_differentiable
    def backward(
        context: Any,  # noqa: ANN401  # torch's own
        logp_slopes_N: Tensor,
        entropy_slopes_N: Tensor,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        hidden_NH, weight_VH, bias_V, targets_N, normalisers_N, entropies_N = context.saved_tensors
        settings: _Settings = context.settings
        wants_hidden, wants_weight, wants_bias = context.needs_input_grad[:3]
        head = _NarrowHead.of(weight_VH, bias_V, settings)
        hidden_slopes_NH = torch.empty_like(hidden_NH) if wants_hidden else None
        weight_slopes_VH = _wide_zeros(weight_VH) if wants_weight else None
        bias_slopes_V = _wide_zeros(bias_V) if wants_bias else None
        for part in _chunks(len(hidden_NH), settings.chunk_tokens):
            slopes_C = logp_slopes_N[part, None]
            logits_CV = head.logits(hidden_NH[part]).sub_(normalisers_N[part, None])
            if settings.with_entropy:
                slopes_CV = _with_entropy(logits_CV, slopes_C, entropy_slopes_N[part, None], entropies_N[part, None])
            else:
                slopes_CV = logits_CV.exp_().mul_(-slopes_C)
            slopes_CV.scatter_add_(1, targets_N[part, None], slopes_C)
            if settings.temperature != 1.0:
                slopes_CV.div_(settings.temperature)
            if hidden_slopes_NH is not None:
                hidden_slopes_NH[part] = slopes_CV.to(settings.dtype) @ head.weight_VH
            if weight_slopes_VH is not None:
                _add_product(weight_slopes_VH, slopes_CV, hidden_NH[part])
            if bias_slopes_V is not None:
                bias_slopes_V.add_(slopes_CV.sum(dim=0))
        return hidden_slopes_NH, _like(weight_slopes_VH, weight_VH), _like(bias_slopes_V, bias_V), None, None


class _NarrowHead(NamedTuple):
    """The head in the numbers that it is multiplied in."""

    weight_VH: Tensor
    bias_V: Tensor | None
    temperature: float

    @classmethod
    def of(cls, weight_VH: Tensor, bias_V: Tensor | None, settings: _Settings) -> Self:
        bias_V = None if bias_V is None else bias_V.to(settings.dtype)
        return cls(weight_VH.to(settings.dtype), bias_V, settings.temperature)

    def logits(self, hidden_CH: Tensor) -> Tensor:
        """Return hidden states' logits over the temperature, in float32 at least."""
        logits_CV = nn.functional.linear(hidden_CH, self.weight_VH, self.bias_V)
        logits_CV = logits_CV.to(torch.promote_types(logits_CV.dtype, torch.float32))
        return logits_CV if self.temperature == 1.0 else logits_CV.div_(self.temperature)


def _add_product(total_VH: Tensor, slopes_CV: Tensor, hidden_CH: Tensor) -> None:
    """Add a chunk's part to the gradient of the weight, which is as wide as the slopes."""
    if hidden_CH.dtype == total_VH.dtype or total_VH.device.type == "cpu":
        # In place: a product of the weight's own size would be more than all logits of the chunk. Narrow hidden states
        # are widened, as a CPU multiplies float32 at least as exactly and often many times faster.
        total_VH.addmm_(slopes_CV.T.to(total_VH.dtype), hidden_CH.to(total_VH.dtype))
    else:
        # Accelerators are made for narrow products; only the product is rounded, not the sum.
        total_VH.add_(slopes_CV.to(hidden_CH.dtype).T @ hidden_CH)


def _wide_zeros(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor, dtype=torch.promote_types(tensor.dtype, torch.float32))


def _like(total: Tensor | None, tensor: Tensor) -> Tensor | None:
    return None if total is None else total.to(tensor.dtype)


def _with_entropy(logps_CV: Tensor, slopes_C1: Tensor, entropy_slopes_C1: Tensor, entropies_C1: Tensor) -> Tensor:
    """Return -p (slope + entropy slope (log p + H)): what the softmax contributes to the gradient of the logits."""
    probabilities_CV = logps_CV.exp()
    return logps_CV.add_(entropies_C1).mul_(entropy_slopes_C1).add_(slopes_C1).mul_(probabilities_CV).neg_()


def _chunks(tokens: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, tokens)) for first in range(0, tokens, size)]
