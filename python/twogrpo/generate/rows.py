"""The rows of one chunk while they shrink: what each has drawn, which go on, and how finished ones make room."""

from typing import NamedTuple

import torch
from torch import Tensor

from twogrpo.generate.protocol import Generation, SamplingParams, cut_ids, cut_rows
from twogrpo.generate.sample import sample

__all__ = ["LiveRows", "Moves"]


class Moves(NamedTuple):
    """How a batch shrinks: live rows from its end move into the places of finished ones, which copies no other row.

    Attributes:
        holes: Finished rows among the first `kept`.
        movers: As many live rows beyond them.
        kept: Rows that are left.
    """

    holes: Tensor
    movers: Tensor
    kept: int

    def apply(self, rows_B: Tensor) -> Tensor:
        """Return the rows that are left of a tensor with one row a row of the batch; it is changed in place."""
        rows_B[self.holes] = rows_B[self.movers]
        return rows_B[: self.kept]


class LiveRows:
    """Draws tokens for a shrinking batch, and keeps them by the rows' first order.

    Args:
        uniforms_BT: Random numbers in [0, 1), one a row and step, on the CPU.
        is_stop_V: Which token ids end a row, on the device of the logits.
    """

    def __init__(self, uniforms_BT: Tensor, is_stop_V: Tensor) -> None:
        device = is_stop_V.device
        self._is_stop_V = is_stop_V
        # By step first, so that one step is one stretch of memory.
        self._uniforms_TB = uniforms_BT.T.contiguous().to(device)
        self._tokens_TB = torch.zeros_like(self._uniforms_TB, dtype=torch.int64)
        self._logps_TB = torch.zeros_like(self._uniforms_TB)
        self._row_B = torch.arange(len(uniforms_BT), device=device)
        self._is_done_B = torch.zeros_like(self._row_B, dtype=torch.bool)

    def __len__(self) -> int:
        """Return the size of the batch, finished rows that have not left it included."""
        return len(self._row_B)

    @property
    def first_size(self) -> int:
        """The rows that the chunk began with."""
        return int(self._tokens_TB.shape[1])

    def draw(self, step: int, logits_BV: Tensor, params: SamplingParams) -> Tensor:
        """Return one token a row of the batch. A finished row draws on, and what it draws is cut off in the end."""
        uniforms_B = self._uniforms_TB[step].index_select(0, self._row_B)
        tokens_B, logps_B = sample(logits_BV, uniforms_B, params)
        self._tokens_TB[step].index_copy_(0, self._row_B, tokens_B)
        self._logps_TB[step].index_copy_(0, self._row_B, logps_B)
        self._is_done_B |= self._is_stop_V[tokens_B]
        return tokens_B

    def count_live(self) -> int:
        """Return the number of rows that have not drawn a stop token; waits for the device."""
        return len(self) - int(self._is_done_B.sum())

    def finished(self) -> list[int]:
        """Return the rows of the batch that have drawn a stop token, by their first places; waits for the device."""
        rows: list[int] = self._row_B[self._is_done_B].tolist()
        return rows

    def ids(self, rows: list[int], step: int) -> list[list[int]]:
        """Return what rows, by their first places, have drawn up to this step, each up to its first stop token."""
        tokens_TB = self._tokens_TB[: step + 1].index_select(1, torch.tensor(rows, device=self._tokens_TB.device))
        return cut_ids(tokens_TB.T, self._is_stop_V[tokens_TB.T])

    def compact(self, live: int) -> Moves:
        """Let the finished rows go, given the number of the others, and return how the batch's tensors must follow."""
        holes = self._is_done_B[:live].nonzero()[:, 0]
        movers = (~self._is_done_B[live:]).nonzero()[:, 0] + live
        moves = Moves(holes, movers, live)
        self._row_B, self._is_done_B = moves.apply(self._row_B), moves.apply(self._is_done_B)
        return moves

    def finish(self) -> Generation:
        """Return all rows in their first order, each up to its first stop token."""
        tokens_BT = self._tokens_TB.T
        return cut_rows(tokens_BT, self._logps_TB.T, self._is_stop_V[tokens_BT])
