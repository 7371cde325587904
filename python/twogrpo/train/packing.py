"""Sequences laid end to end in one stream without padding, and the rows that attention cuts it into.

Embeddings, projections and feed-forward layers see every token once. Attention alone needs sequences apart: it gathers
them into rows of like length. A prompt that several responses share stands in the stream once and in each of their
rows. A response's last token predicts nothing, so the stream leaves it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twogrpo.errors import DataError

__all__ = ["AttentionRows", "PackedBatch", "check_sequences", "like_lengths"]

Index = NDArray[np.int64]

# At least this share of a block's positions are tokens; the rest is padding, which costs what tokens cost. A block has
# a cost of its own as well, about as much as padding a few short rows to this share saves. Once it has some rows it
# ends at the first that is shorter than this share of its longest. A row that is no shorter never begins a block, so
# each block's rows are shorter by a quarter at least than those of the one before, and a batch has few blocks.
LIKE_LENGTH = 0.75
BLOCK_ROWS = 8


@dataclass(frozen=True)
class AttentionRows:
    """Which tokens of a stream attend to each other.

    Attributes:
        blocks: Stream positions of each row's tokens, blocks of shape (rows, longest); a row's end is filled with its
            last token, which no earlier one sees.
        place_N: For each position of the stream, where its token stands in the blocks, flattened end to end.
    """

    blocks: tuple[Tensor, ...]
    place_N: Tensor


@dataclass(frozen=True)
class PackedBatch:
    """Prompts with their responses as one stream of tokens.

    Attributes:
        input_ids_N: The stream, int64.
        position_ids_N: Each token's position in its own sequence, int64.
        outputs_K: Stream positions that predict a response token, ascending, int64.
        predictors_M: For each response token, row after row, the place in `outputs_K` of what predicts it.
        targets_M: Those tokens.
        mask_BR: True for a token of the response, shape (sequences, longest response).
        rows: How attention cuts the stream.
    """

    input_ids_N: Tensor
    position_ids_N: Tensor
    outputs_K: Tensor
    predictors_M: Tensor
    targets_M: Tensor
    mask_BR: Tensor
    rows: AttentionRows

    @classmethod
    def pack(
        cls,
        prompt_ids: Sequence[Sequence[int]],
        response_ids: Sequence[Sequence[int]],
        *,
        device: torch.device | str = "cpu",
        share_prompts: bool = True,
    ) -> Self:
        """Return the stream of some sequences; a response may be empty.

        Args:
            prompt_ids: One prompt a sequence.
            response_ids: One response a sequence.
            device: Where the tensors go.
            share_prompts: Let equal prompts stand in the stream once.

        Raises:
            DataError: If there is no row, the two counts differ, or a prompt has no token to predict from.
        """
        check_sequences(prompt_ids, response_ids)
        stream = _Stream.lay(prompt_ids, response_ids, share_prompts=share_prompts)
        lengths_B = np.array([len(response) for response in response_ids], dtype=np.int64)
        columns_R = np.arange(lengths_B.max(initial=0))
        mask_BR = columns_R < lengths_B[:, None]
        # The token before the first of a response is the prompt's last one; from then on it is the one before.
        before_B1 = (stream.prompts_B + stream.prompt_lengths_B - 1)[:, None]
        predictors_BR = np.where(columns_R == 0, before_B1, stream.responses_B[:, None] + columns_R - 1)
        outputs_K, predictors_M = np.unique(predictors_BR[mask_BR], return_inverse=True)
        targets = [token for response in response_ids for token in response]

        def tensor(values: "Index | list[int] | NDArray[np.bool_]") -> Tensor:
            return torch.as_tensor(np.asarray(values)).to(device)

        blocks, place_N = stream.attention_rows()
        return cls(
            input_ids_N=tensor(np.array(stream.tokens, dtype=np.int64)),
            position_ids_N=tensor(stream.positions_N),
            outputs_K=tensor(outputs_K),
            predictors_M=tensor(predictors_M),
            targets_M=tensor(np.array(targets, dtype=np.int64)),
            mask_BR=tensor(mask_BR),
            rows=AttentionRows(tuple(tensor(block) for block in blocks), tensor(place_N)),
        )


@dataclass(frozen=True)
class _Stream:
    """Tokens end to end, and where each sequence's prompt and response begin in them."""

    tokens: list[int]
    positions_N: Index
    prompts_B: Index
    prompt_lengths_B: Index
    responses_B: Index
    # Of the response tokens that are fed, one less than there are.
    fed_lengths_B: Index
    # Whether the sequence is the first with its prompt.
    is_first_B: NDArray[np.bool_]

    @classmethod
    def lay(
        cls, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]], *, share_prompts: bool
    ) -> Self:
        tokens: list[int] = []
        positions: list[Index] = []
        known: dict[tuple[int, ...], int] = {}
        places = []
        for prompt, response in zip(prompt_ids, response_ids, strict=True):
            key = tuple(prompt)
            start = known.get(key) if share_prompts else None
            is_first = start is None
            if start is None:
                start = known[key] = len(tokens)
                tokens.extend(prompt)
                positions.append(np.arange(len(prompt)))
            fed = max(0, len(response) - 1)
            places.append((start, len(prompt), len(tokens), fed, is_first))
            tokens.extend(response[:fed])
            positions.append(np.arange(len(prompt), len(prompt) + fed))
        columns = [np.array(column) for column in zip(*places, strict=True)]
        return cls(tokens, np.concatenate(positions), *columns)

    def attention_rows(self) -> tuple[list[Index], Index]:
        """Return the blocks of rows, and each token's place in them."""
        place_N = np.empty(len(self.tokens), dtype=np.int64)
        blocks = []
        offset = 0
        for rows in like_lengths((self.prompt_lengths_B + self.fed_lengths_B).tolist()):
            block, is_owned = self._block(np.array(rows))
            place_N[block[is_owned]] = offset + np.flatnonzero(is_owned)
            offset += block.size
            blocks.append(block)
        return blocks, place_N

    def _block(self, rows: Index) -> tuple[Index, NDArray[np.bool_]]:
        """Return the stream positions of some rows, (rows, longest), and which of them no other row is to give."""
        prompts, fed = self.prompt_lengths_B[rows, None], self.fed_lengths_B[rows, None]
        columns = np.arange(int((prompts + fed).max()))
        inside = np.minimum(columns, prompts + fed - 1)
        block = np.where(
            inside < prompts, self.prompts_B[rows, None] + inside, self.responses_B[rows, None] + inside - prompts
        )
        is_owned = (columns < prompts + fed) & ((columns >= prompts) | self.is_first_B[rows, None])
        return block, is_owned


def check_sequences(prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]) -> None:
    """Refuse rows that nothing can be predicted from.

    Raises:
        DataError: If there is no row, the two counts differ, or a prompt has no token.
    """
    if len(prompt_ids) != len(response_ids) or not len(prompt_ids):
        found = f"{len(prompt_ids)} prompts and {len(response_ids)} responses"
        raise DataError(f"{found}; expected one response a prompt, and at least one row")
    for row, prompt in enumerate(prompt_ids):
        if not len(prompt):
            raise DataError(f"prompt {row} has no tokens; a response needs at least one token before it")


def like_lengths(lengths: Sequence[int]) -> list[list[int]]:
    """Return rows from the longest to the shortest, cut into blocks of like lengths.

    Padded to its longest row, a block has at most 1 / `LIKE_LENGTH` positions a token.
    """
    blocks: list[list[int]] = []
    longest = tokens = 0
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        length = lengths[row]
        rows = len(blocks[-1]) if blocks else 0
        is_padded = tokens + length < LIKE_LENGTH * (rows + 1) * longest
        if not blocks or is_padded or (rows >= BLOCK_ROWS and length < LIKE_LENGTH * longest):
            blocks.append([])
            longest, tokens = length, 0
        blocks[-1].append(row)
        tokens += length
    return blocks
