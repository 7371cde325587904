"""What every generator takes and gives: sampling parameters, the generated rows, and the checks on a request."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from twogrpo.errors import ConfigError, DataError

__all__ = ["FinishedRows", "Generation", "Generator", "SamplingParams", "check_request", "cut_ids", "cut_rows"]

FinishedRows = Callable[[list[int], list[list[int]]], None]
"""Called with rows, in rising order, and their response ids, as soon as a good many rows are finished."""


@dataclass(frozen=True)
class SamplingParams:
    """How responses are sampled.

    The logits are divided by the temperature; then `top_k`, `top_p` and `min_p` each cut what the one before left.

    Attributes:
        max_new_tokens: Longest response, in tokens, the end token included; at least 1.
        temperature: 0 takes the likeliest token, and then the cuts do nothing.
        top_p: Keep the likeliest tokens until their probabilities sum to this; 1 is off.
        top_k: Keep this many of the likeliest tokens; 0 is off.
        min_p: Drop tokens below this share of the likeliest token's probability; 0 is off.

    Raises:
        ConfigError: A value is out of its range.
    """

    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        _require("max_new_tokens", self.max_new_tokens, is_good=self.max_new_tokens >= 1, expected="1 or more")
        is_temperature = math.isfinite(self.temperature) and self.temperature >= 0
        _require("temperature", self.temperature, is_good=is_temperature, expected="0 (greedy) or a positive number")
        _require("top_p", self.top_p, is_good=0 < self.top_p <= 1, expected="more than 0, at most 1 (off)")
        _require("top_k", self.top_k, is_good=self.top_k >= 0, expected="0 (off) or more")
        _require("min_p", self.min_p, is_good=0 <= self.min_p < 1, expected="0 (off) or more, less than 1")

    @property
    def is_greedy(self) -> bool:
        """The likeliest token is taken; nothing is drawn."""
        return self.temperature == 0

    @property
    def is_truncated(self) -> bool:
        """Some tokens get probability 0 although the model gives them some."""
        return not self.is_greedy and (self.top_k > 0 or self.top_p < 1 or self.min_p > 0)


@dataclass(frozen=True)
class Generation:
    """Generated rows, prompt-major: row p * group_size + g is the g-th response to prompt p.

    Attributes:
        response_ids: Token ids, without the prompt; the end token is the last one where the finish reason is `stop`.
        logprobs: Natural logarithm of the probability with which each token was drawn, from the distribution after
            temperature and truncation; of the model's own distribution (temperature 1) for greedy rows.
        finish_reasons: `stop` for an end token, `length` for a row that reached `max_new_tokens`.
    """

    response_ids: list[list[int]]
    logprobs: list[list[float]]
    finish_reasons: list[str]


class Generator(Protocol):
    """Samples responses from a policy."""

    @property
    def name(self) -> str:
        """The backend, as `rollout.backend` spells it."""
        ...

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        group_size: int,
        params: SamplingParams,
        seed: int,
        on_finished: FinishedRows | None = None,
    ) -> Generation:
        """Return responses from the current weights; equal arguments and weights give equal tokens.

        Args:
            prompts: Token ids of each prompt; at least one token each.
            group_size: Responses a prompt.
            params: How to sample.
            seed: Seed of the sampling.
            on_finished: Is given every row once, while others may go on; when, and with which others, is open.
        """
        ...

    def sync(self) -> None:
        """Take the model's current weights."""
        ...


def check_request(
    prompts: Sequence[Sequence[int]],
    *,
    group_size: int,
    params: SamplingParams,
    vocabulary: int,
    max_positions: int | None,
) -> None:
    """Refuse a request that the model cannot serve, before any of it is computed.

    Args:
        prompts: Token ids.
        group_size: Responses a prompt.
        params: The sampling parameters.
        vocabulary: Number of token ids that the model embeds.
        max_positions: Longest sequence of the model, prompt and response together; None if it sets no limit.

    Raises:
        ConfigError: The group size is not positive.
        DataError: A prompt is empty, too long, or has a token id that the model does not know.
    """
    _require("group_size", group_size, is_good=group_size >= 1, expected="1 or more")
    for row, prompt in enumerate(prompts):
        if len(prompt) == 0:
            raise DataError(f"prompt {row} is empty; generation needs at least one prompt token")
        length = len(prompt) + params.max_new_tokens
        if max_positions is not None and length > max_positions:
            raise DataError(
                f"prompt {row} has {len(prompt)} tokens and max_new_tokens={params.max_new_tokens}, together {length}; "
                f"the model has {max_positions} positions (max_position_embeddings); "
                "use shorter prompts or lower max_new_tokens"
            )
        if min(prompt) < 0 or max(prompt) >= vocabulary:
            raise DataError(
                f"prompt {row} has token ids {min(prompt)} to {max(prompt)}, but the model embeds 0 to "
                f"{vocabulary - 1}; use the tokenizer that belongs to the model"
            )


def cut_ids(tokens_BT: Tensor, is_stop_BT: Tensor) -> list[list[int]]:
    """Return the token ids of rows, each up to its first stop token; arguments as in `cut_rows`."""
    return _cut(tokens_BT, _lengths(is_stop_BT))


def cut_rows(tokens_BT: Tensor, logps_BT: Tensor, is_stop_BT: Tensor) -> Generation:
    """Return rows that end with their first stop token.

    Args:
        tokens_BT: Generated token ids, shape (rows, tokens); what follows a stop token is ignored.
        logps_BT: Their logprobs, the same shape.
        is_stop_BT: Where a token is a stop token, the same shape.
    """
    lengths = _lengths(is_stop_BT)
    return Generation(
        response_ids=_cut(tokens_BT, lengths),
        logprobs=_cut(logps_BT, lengths),
        finish_reasons=["stop" if stopped else "length" for stopped in is_stop_BT.any(dim=1).tolist()],
    )


def _lengths(is_stop_BT: Tensor) -> list[int]:
    first_stop_B = is_stop_BT.int().argmax(dim=1) + 1
    lengths: list[int] = first_stop_B.where(is_stop_BT.any(dim=1), is_stop_BT.shape[1]).tolist()
    return lengths


def _cut(values_BT: Tensor, lengths: list[int]) -> list[list[Any]]:
    return [row[:length] for row, length in zip(values_BT.tolist(), lengths, strict=True)]


def _require(key: str, value: float, *, is_good: bool, expected: str) -> None:
    if not is_good:
        raise ConfigError(f"{key}={value} is out of range; expected {expected}")
