"""Logprobs and entropies from hidden states, a tile of logits at a time, recomputed in the backward pass.

At a vocabulary of 152k one row of 4,096 tokens has 2.5 GB of float32 logits, and a log-softmax with its gradient makes
three times that. Here one tile of them exists at once, some tokens by a block of the vocabulary: its normalisers are
carried from block to block, and between forward and backward one hidden state and two numbers a token are kept. The
price is one more product with the head in the backward pass.

A block of the weight meets all tokens before the next one: the weight and its gradient, which no cache holds, pass
through memory once in each direction, however many tiles there are.

Weight and bias come as they are trained and are narrowed inside, a block at a time. Gradients are sums over tiles. In
bfloat16 such a sum would lose digits with every tile, so it is kept in float32 at least, and narrowed once at its end.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from twogrpo.errors import DataError

__all__ = ["LogitsTile", "head_values"]

# Bytes of one tile of float32 logits. A CPU wants to find it in its caches; on an accelerator small products would
# leave most of it idle.
_CPU_BYTES, _ACCELERATOR_BYTES = 8 << 20, 512 << 20
# A block of the weight is read once for so many tokens.
_LEAST_TOKENS = 1024
# Rows whose length is no multiple of a cache line cost a product a tenth.
_ALIGNMENT = 64


class LogitsTile(NamedTuple):
    """The most logits that exist at once: this many tokens by this many entries of the vocabulary."""

    tokens: int
    entries: int

    @classmethod
    def of(cls, vocabulary: int, *, is_on_cpu: bool, tokens: int | None = None) -> Self:
        """Return the tile for a vocabulary: all of its entries where they leave room for enough tokens.

        Args:
            vocabulary: Entries.
            is_on_cpu: Whether a CPU multiplies.
            tokens: Tokens of a tile; None takes what the device works best with.
        """
        logits = (_CPU_BYTES if is_on_cpu else _ACCELERATOR_BYTES) // 4
        tokens = tokens or max(_LEAST_TOKENS, logits // vocabulary)
        blocks = math.ceil(vocabulary * tokens / logits)
        aligned = math.ceil(vocabulary / blocks / _ALIGNMENT) * _ALIGNMENT
        return cls(tokens, min(vocabulary, aligned))


class _Settings(NamedTuple):
    tile: LogitsTile
    temperature: float
    with_entropy: bool
    # Of the products with the head.
    dtype: torch.dtype


def head_values(
    head: nn.Linear,
    hidden_NH: Tensor,
    targets_N: Tensor,
    *,
    temperature: float,
    with_entropy: bool,
    tile: LogitsTile,
) -> tuple[Tensor, Tensor | None]:
    """Return the targets' logprobs under softmax(logits / temperature) and those distributions' entropies, in nats.

    Args:
        head: The output embedding.
        hidden_NH: Last hidden states, shape (tokens, width).
        targets_N: Token ids, shape (tokens,).
        temperature: Above 0.
        with_entropy: Whether entropies are wanted; None is returned in their place otherwise.
        tile: The logits that exist at once.

    Returns:
        Two tensors of shape (tokens,), float32, or float64 for float64 hidden states. Both carry gradients to the
        hidden states, the head's weight and its bias.

    Raises:
        DataError: A target is no entry of the vocabulary. An accelerator's own error says so instead.
    """
    _check_targets(targets_N, len(head.weight))
    dtype = head.weight.dtype
    if torch.is_autocast_enabled(hidden_NH.device.type):
        # What autocast would do to the head; its casts do not reach inside a function of our own.
        dtype = torch.get_autocast_dtype(hidden_NH.device.type)
        hidden_NH = hidden_NH.to(dtype)
    settings = _Settings(tile, temperature, with_entropy, dtype)
    values = _Head.apply(hidden_NH, head.weight, head.bias, targets_N, settings)
    logps_N, entropies_N = cast("tuple[Tensor, Tensor]", values)
    return logps_N, entropies_N if with_entropy else None


def _check_targets(targets_N: Tensor, vocabulary: int) -> None:
    """Refuse targets that no block would look for."""
    if targets_N.device.type != "cpu":
        # To look would wait for the device, which checks every index on its own.
        targets_N.new_empty(vocabulary).index_select(0, targets_N)
    elif len(targets_N) and not (targets_N.min() >= 0 and targets_N.max() < vocabulary):
        raise DataError(
            f"token ids {int(targets_N.min())} to {int(targets_N.max())} are to be predicted, but the model's head has "
            f"0 to {vocabulary - 1}; use the tokenizer that belongs to the model"
        )


class _Head(torch.autograd.Function):
    """The same tiles forwards and backwards; between them only the hidden states and the normalisers are kept."""

    @staticmethod
    def forward(
        context: Any,  # noqa: ANN401  # torch's own
        hidden_NH: Tensor,
        weight_VH: Tensor,
        bias_V: Tensor | None,
        targets_N: Tensor,
        settings: _Settings,
    ) -> tuple[Tensor, Tensor]:
        softmax = _RunningSoftmax(hidden_NH, with_entropy=settings.with_entropy)
        target_logits_N = torch.zeros_like(softmax.sums_N)
        parts = _even_parts(len(hidden_NH), settings.tile.tokens)
        for block in _blocks(weight_VH, bias_V, settings):
            for part in parts:
                logits_CE = block.logits(hidden_NH[part])
                columns_C1, is_elsewhere_C1 = block.columns(targets_N[part])
                target_logits_N[part] += logits_CE.gather(1, columns_C1).masked_fill_(is_elsewhere_C1, 0.0).squeeze(1)
                softmax.add(part, logits_CE)
                # What a name holds lives on beside the next tile.
                del logits_CE
            del block
        normalisers_N, entropies_N = softmax.normalisers(), softmax.entropies()
        context.save_for_backward(hidden_NH, weight_VH, bias_V, targets_N, normalisers_N, entropies_N)
        context.settings = settings
        return target_logits_N - normalisers_N, entropies_N

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
        wide = logp_slopes_N.dtype
        hidden_slopes_NH = torch.zeros_like(hidden_NH, dtype=wide) if wants_hidden else None
        weight_slopes_VH = torch.zeros_like(weight_VH) if wants_weight else None
        bias_slopes_V = torch.zeros_like(bias_V) if wants_bias else None
        parts = _even_parts(len(hidden_NH), settings.tile.tokens)
        for block in _blocks(weight_VH, bias_V, settings):
            weight_slopes_EH, bias_slopes_E = _widened(weight_slopes_VH, block), _widened(bias_slopes_V, block)
            for part in parts:
                slopes_C1 = logp_slopes_N[part, None]
                logps_CE = block.logits(hidden_NH[part]).sub_(normalisers_N[part, None])
                if settings.with_entropy:
                    slopes_CE = _with_entropy(
                        logps_CE, slopes_C1, entropy_slopes_N[part, None], entropies_N[part, None]
                    )
                else:
                    slopes_CE = logps_CE.exp_().mul_(-slopes_C1)
                columns_C1, is_elsewhere_C1 = block.columns(targets_N[part])
                slopes_CE.scatter_add_(1, columns_C1, slopes_C1.masked_fill(is_elsewhere_C1, 0.0))
                if settings.temperature != 1.0:
                    slopes_CE.div_(settings.temperature)
                if hidden_slopes_NH is not None:
                    _add_product(hidden_slopes_NH[part], slopes_CE, block.weight_EH)
                if weight_slopes_EH is not None:
                    _add_product(weight_slopes_EH, slopes_CE.T, hidden_NH[part])
                if bias_slopes_E is not None:
                    bias_slopes_E.add_(slopes_CE.sum(dim=0))
                del logps_CE, slopes_CE
            _narrow(weight_slopes_EH, weight_slopes_VH, block)
            _narrow(bias_slopes_E, bias_slopes_V, block)
            del block, weight_slopes_EH
        if hidden_slopes_NH is not None:
            hidden_slopes_NH = hidden_slopes_NH.to(hidden_NH.dtype)
        return hidden_slopes_NH, weight_slopes_VH, bias_slopes_V, None, None


class _Block(NamedTuple):
    """Some entries of the vocabulary, in the numbers that they are multiplied in."""

    entries: slice
    weight_EH: Tensor
    bias_E: Tensor | None
    temperature: float

    def logits(self, hidden_CH: Tensor) -> Tensor:
        """Return hidden states' logits over the temperature, in float32 at least."""
        logits_CE = nn.functional.linear(hidden_CH, self.weight_EH, self.bias_E)
        logits_CE = logits_CE.to(torch.promote_types(logits_CE.dtype, torch.float32))
        return logits_CE if self.temperature == 1.0 else logits_CE.div_(self.temperature)

    def columns(self, targets_C: Tensor) -> tuple[Tensor, Tensor]:
        """Return targets' columns, and which targets stand in another block: their columns mean nothing."""
        columns_C1 = targets_C[:, None] - self.entries.start
        last = len(self.weight_EH) - 1
        return columns_C1.clamp(0, last), (columns_C1 < 0) | (columns_C1 > last)


class _RunningSoftmax:
    """Normalisers and entropies of rows whose logits come a block at a time.

    Of each row are kept the largest logit so far, m, the sum of exp(logit - m), and for its entropy the sum of
    exp(logit - m) (logit - m).
    """

    def __init__(self, hidden_NH: Tensor, *, with_entropy: bool) -> None:
        wide = torch.promote_types(hidden_NH.dtype, torch.float32)
        self.sums_N = torch.zeros(len(hidden_NH), dtype=wide, device=hidden_NH.device)
        self._products_N = torch.zeros_like(self.sums_N)
        # Finite, so that a difference of two is a number.
        self._largest_N = torch.full_like(self.sums_N, torch.finfo(wide).min)
        self._with_entropy = with_entropy

    def add(self, part: slice, logits_CE: Tensor) -> None:
        """Take in a block of some rows; the logits are overwritten."""
        before_C = self._largest_N[part]
        largest_C = torch.maximum(before_C, logits_CE.amax(dim=1))
        # exp is 0 long before in every type, and 0 times a number of any size that is finite stays 0.
        down_C = (before_C - largest_C).clamp_(min=-1000.0)
        shrink_C = down_C.exp()
        logits_CE.sub_(largest_C[:, None])
        if self._with_entropy:
            weights_CE = logits_CE.exp()
            products_C = shrink_C * (self._products_N[part] + self.sums_N[part] * down_C)
            self._products_N[part] = products_C + logits_CE.mul_(weights_CE).sum(dim=1)
        else:
            weights_CE = logits_CE.exp_()
        self.sums_N[part] = shrink_C * self.sums_N[part] + weights_CE.sum(dim=1)
        self._largest_N[part] = largest_C

    def normalisers(self) -> Tensor:
        """Return log sum exp of each row's logits."""
        return self._largest_N + self.sums_N.log()

    def entropies(self) -> Tensor:
        """Return each row's entropy, H = log Z - E[logit], in nats; zeros where it is not wanted."""
        return self.sums_N.log() - self._products_N / self.sums_N if self._with_entropy else self._products_N


def _blocks(weight_VH: Tensor, bias_V: Tensor | None, settings: _Settings) -> Iterator[_Block]:
    for entries in _parts(len(weight_VH), settings.tile.entries):
        bias_E = None if bias_V is None else bias_V[entries].to(settings.dtype)
        yield _Block(entries, weight_VH[entries].to(settings.dtype), bias_E, settings.temperature)


def _parts(length: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, length)) for first in range(0, length, size)]


def _even_parts(length: int, most: int) -> list[slice]:
    return _parts(length, math.ceil(length / math.ceil(length / most))) if length else []


def _add_product(total: Tensor, slopes: Tensor, factor: Tensor) -> None:
    """Add a tile's part to a gradient, which is as wide as the slopes."""
    if factor.dtype == total.dtype or total.device.type == "cpu":
        # Narrow numbers are widened, as a CPU multiplies float32 at least as exactly and often many times faster.
        total.addmm_(slopes, factor.to(total.dtype))
    else:
        # Accelerators are made for narrow products; only the product is rounded, not the sum.
        total.add_(slopes.to(factor.dtype) @ factor)


def _widened(total: Tensor | None, block: _Block) -> Tensor | None:
    """Return a block's part of a gradient in float32 at least: a view of it where it is so wide."""
    return None if total is None else total[block.entries].to(torch.promote_types(total.dtype, torch.float32))


def _narrow(part: Tensor | None, total: Tensor | None, block: _Block) -> None:
    """Put a block's part into the gradient, unless it is a view of it."""
    if part is not None and total is not None and part.dtype != total.dtype:
        total[block.entries] = part


def _with_entropy(logps_CE: Tensor, slopes_C1: Tensor, entropy_slopes_C1: Tensor, entropies_C1: Tensor) -> Tensor:
    """Return -p (slope + entropy slope (log p + H)): what the softmax contributes to the gradient of the logits."""
    probabilities_CE = logps_CE.exp()
    return logps_CE.add_(entropies_C1).mul_(entropy_slopes_C1).add_(slopes_C1).mul_(probabilities_CE).neg_()
