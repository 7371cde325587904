"""The builtin generator: batched sampling with a key-value cache, for Qwen2, Qwen3 and Llama on one device.

A prompt is computed once for its whole group, and finished rows leave the batch. Rows are worked on in chunks that fit
a memory budget. The uniform numbers behind row r, token t are a function of the seed, r, t and `max_new_tokens` alone:
they come from one CPU generator, row after row, so that neither the size of a chunk, nor the order in which rows
finish, nor the device changes them. Tokens are then equal up to the rounding of the matrix products.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from twogrpo.generate.cache import KeyValueCache
from twogrpo.generate.forward import Decoder
from twogrpo.generate.protocol import FinishedRows, Generation, SamplingParams, check_request
from twogrpo.generate.rows import LiveRows
from twogrpo.generate.weights import ModelWeights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["BuiltinGenerator"]

# Finished rows are computed in vain until they leave; leaving costs a copy of at most as many rows.
_FULL_ENOUGH = 0.95
# Of a chunk's rows; each report costs a conversion from tensors to lists.
_REPORTED_SHARE = 1 / 8
# Prompts are computed in blocks of about this many tokens, which bounds their activations; larger ones leave the caches
# of a CPU.
_PREFILL_TOKENS = 32_768
_PREFILL_TOKENS_ON_CPU = 4_096
# Sampling holds about three float32 tensors of the logits' size.
_LOGITS_BYTES_PER_TOKEN = 12


class BuiltinGenerator:
    """Samples from a snapshot of a Qwen2, Qwen3 or Llama model.

    Args:
        model: A model that `supports` accepts, on the device where it shall generate.
        stops: Token ids that end a response.
        dtype: Dtype of the snapshot; the model's own by default.
        max_rows: Most rows that are worked on at once.
        max_bytes: Most memory for the keys, values and logits of those rows; one row is always allowed.
    """

    name = "builtin"

    def __init__(
        self,
        model: "PreTrainedModel",
        stops: frozenset[int],
        *,
        dtype: torch.dtype | None = None,
        max_rows: int = 1024,
        max_bytes: int = 4 << 30,
    ) -> None:
        self._weights = ModelWeights(model, dtype or model.dtype)
        self._max_positions: int | None = getattr(model.config, "max_position_embeddings", None)
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._is_stop_V = torch.zeros(len(self._weights.head), dtype=torch.bool, device=self._weights.device)
        # A slice passes over ids that the model cannot give.
        for token in stops:
            self._is_stop_V[token : token + 1] = True

    def sync(self) -> None:
        """Take the model's current weights."""
        self._weights.sync()

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        group_size: int,
        params: SamplingParams,
        seed: int,
        on_finished: FinishedRows | None = None,
    ) -> Generation:
        """Return `group_size` responses a prompt, prompt-major; equal arguments and weights give equal tokens.

        Args:
            prompts: Token ids, each prompt with at least one.
            group_size: Responses a prompt.
            params: How to sample.
            seed: Any integer that `torch.Generator` takes; the global random state is neither read nor changed.
            on_finished: Is given rows as they leave the batch, an eighth of a chunk or more at a time, then the rest.

        Raises:
            ConfigError: `group_size` is not positive.
            DataError: A prompt is empty, too long for the model, or has unknown token ids.
        """
        check_request(
            prompts,
            group_size=group_size,
            params=params,
            vocabulary=len(self._weights.embedding),
            max_positions=self._max_positions,
        )
        uniforms = torch.Generator().manual_seed(seed)
        generation = Generation([], [], [])
        for first, last in self._chunks(prompts, group_size, params):
            uniforms_BT = torch.rand(last - first, params.max_new_tokens, generator=uniforms)
            prompt_of_row = [row // group_size for row in range(first, last)]
            report = None if on_finished is None else _Report(on_finished, first)
            part = self._generate_chunk(prompts, prompt_of_row, params, uniforms_BT, report)
            generation.response_ids.extend(part.response_ids)
            generation.logprobs.extend(part.logprobs)
            generation.finish_reasons.extend(part.finish_reasons)
        return generation

    def _chunks(
        self, prompts: Sequence[Sequence[int]], group_size: int, params: SamplingParams
    ) -> Iterator[tuple[int, int]]:
        """Yield first and last row (exclusive) of chunks of about equal size that fit the budget."""
        rows = len(prompts) * group_size
        longest = max((len(prompt) for prompt in prompts), default=0) + params.max_new_tokens
        row_bytes = longest * self._weights.cache_bytes_per_token + _LOGITS_BYTES_PER_TOKEN * len(self._is_stop_V)
        limit = max(1, min(self._max_rows, self._max_bytes // row_bytes))
        chunks = -(-rows // limit)
        for chunk in range(chunks):
            yield rows * chunk // chunks, rows * (chunk + 1) // chunks

    def _generate_chunk(
        self,
        prompts: Sequence[Sequence[int]],
        prompt_of_row: list[int],
        params: SamplingParams,
        uniforms_BT: Tensor,
        report: "_Report | None",
    ) -> Generation:
        """Return the rows of one chunk; `prompt_of_row` is in rising order."""
        logits_BV, cache, decoder = self._prefill(prompts, prompt_of_row, params)
        rows = LiveRows(uniforms_BT, self._is_stop_V)
        for step in range(params.max_new_tokens):
            tokens_B = rows.draw(step, logits_BV, params)
            live = rows.count_live()
            if live == 0 or step + 1 == params.max_new_tokens:
                break
            if live < _FULL_ENOUGH * len(rows):
                if report is not None:
                    report.leave(rows, step)
                moves = rows.compact(live)
                cache.compact(moves)
                tokens_B = moves.apply(tokens_B)
            logits_BV = decoder.step(tokens_B, cache)
        generation = rows.finish()
        if report is not None:
            report.end(generation)
        return generation

    def _prefill(
        self, prompts: Sequence[Sequence[int]], prompt_of_row: list[int], params: SamplingParams
    ) -> tuple[Tensor, KeyValueCache, Decoder]:
        """Return the first logits of each row, and the cache and decoder that go on from there."""
        device = self._weights.device
        first, last = prompt_of_row[0], prompt_of_row[-1] + 1
        tokens_PT, lengths_P = _padded(prompts[first:last])
        lengths_P, index_B = lengths_P.to(device), torch.tensor(prompt_of_row, device=device) - first
        capacity = tokens_PT.shape[1] + params.max_new_tokens
        decoder, cache = Decoder(self._weights, capacity), KeyValueCache(self._weights, lengths_P[index_B], capacity)
        together = _PREFILL_TOKENS_ON_CPU if device.type == "cpu" else _PREFILL_TOKENS
        block = max(1, together // tokens_PT.shape[1])
        logits = []
        for start in range(0, last - first, block):
            part = slice(start, min(start + block, last - first))
            ends = torch.tensor([part.start, part.stop], device=device)
            rows = slice(*torch.searchsorted(index_B, ends).tolist())
            logits.append(
                decoder.prefill(tokens_PT[part].to(device), lengths_P[part], cache, rows, index_B[rows] - start)
            )
        return torch.cat(logits).index_select(0, index_B), cache, decoder


class _Report:
    """Hands the rows of one chunk on when they have finished, a good many at a time."""

    def __init__(self, on_finished: FinishedRows, first: int) -> None:
        self._on_finished = on_finished
        self._first = first
        self._waiting: list[int] = []
        self._reported: set[int] = set()

    def leave(self, rows: LiveRows, step: int) -> None:
        """Note the finished rows that are about to leave the batch after this step."""
        self._waiting += rows.finished()
        if len(self._waiting) >= _REPORTED_SHARE * rows.first_size:
            leaving = sorted(self._waiting)
            self._give(leaving, rows.ids(leaving, step))
            self._reported.update(leaving)
            self._waiting.clear()

    def end(self, generation: Generation) -> None:
        """Report all rows that have not been reported."""
        rest = [row for row in range(len(generation.response_ids)) if row not in self._reported]
        if rest:
            self._give(rest, [generation.response_ids[row] for row in rest])

    def _give(self, rows: list[int], ids: list[list[int]]) -> None:
        self._on_finished([self._first + row for row in rows], ids)


def _padded(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return the prompts as one tensor, padded on the right, and their lengths."""
    lengths = [len(prompt) for prompt in prompts]
    longest = max(lengths)
    rows = [[*prompt, *[0] * (longest - len(prompt))] for prompt in prompts]
    return torch.tensor(rows), torch.tensor(lengths)
