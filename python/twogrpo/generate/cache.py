"""Keys and values of the rows that are being generated, one column a token.

A prompt's tokens stand in the first columns, padded on the right to the longest prompt; generated tokens follow in
columns that all rows share. The padding between the two is masked. So one slice assignment stores a step, and a prompt
needs no mask of its own.
"""

import torch
from torch import Tensor

from twogrpo.generate.rows import Moves
from twogrpo.generate.weights import ModelWeights

__all__ = ["KeyValueCache"]


class KeyValueCache:
    """Keys and values of a chunk of rows, with room for `capacity` tokens a row.

    Args:
        weights: The model whose keys and values these are.
        prompt_lengths_B: Tokens of each row's prompt, int64, shape (rows,).
        capacity: Columns: the longest prompt and the longest response together.

    Attributes:
        used: Columns that are filled, the prompt's padding included.
        positions_B: Position of each row's next token in its own sequence.
    """

    def __init__(self, weights: ModelWeights, prompt_lengths_B: Tensor, capacity: int) -> None:
        rows, longest = len(prompt_lengths_B), int(prompt_lengths_B.max())
        shape = (rows, weights.key_value_heads, capacity, weights.head_dim)
        self._keys = [torch.empty(shape, dtype=weights.dtype, device=weights.device) for _ in weights.layers]
        self._values = [torch.empty_like(keys) for keys in self._keys]
        self.used = longest
        self.positions_B = prompt_lengths_B.clone()
        column_T = torch.arange(capacity, device=weights.device)
        is_padding_BT = (column_T >= prompt_lengths_B[:, None]) & (column_T < longest)
        # Added to the scores. Each key head has its own copy, so that rows and key heads are one dimension.
        self._mask = torch.zeros(shape[:3], dtype=weights.dtype, device=weights.device)
        self._mask.masked_fill_(is_padding_BT[:, None], float("-inf"))

    def store_prompts(self, layer: int, keys: Tensor, values: Tensor, rows: slice, prompt_of_row: Tensor) -> None:
        """Fill the prompt columns of some rows, each from the prompt that it belongs to.

        Args:
            layer: Index of the layer.
            keys: Shape (prompts, key_value_heads, tokens, head_dim).
            values: The same shape.
            rows: Rows of the cache.
            prompt_of_row: Index into `keys` for each of those rows.
        """
        tokens = keys.shape[2]
        self._keys[layer][rows, :, :tokens] = keys.index_select(0, prompt_of_row)
        self._values[layer][rows, :, :tokens] = values.index_select(0, prompt_of_row)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Store one token a row, and return all keys and values up to and including it, and the mask of their columns.

        Args:
            layer: Index of the layer.
            keys: Shape (rows, key_value_heads, head_dim).
            values: The same shape.

        Returns:
            Keys and values, shape (rows * key_value_heads, tokens, head_dim), and what is added to the scores, shape
            (rows * key_value_heads, 1, tokens): 0, and minus infinity in the padding.
        """
        stored = self._keys[layer], self._values[layer]
        stored[0][:, :, self.used] = keys
        stored[1][:, :, self.used] = values
        filled_keys, filled_values = (tensor.flatten(0, 1)[:, : self.used + 1] for tensor in stored)
        return filled_keys, filled_values, self._mask.flatten(0, 1)[:, None, : self.used + 1]

    def advance(self) -> None:
        """Go on to the next column, once every layer has stored its token."""
        self.used += 1
        self.positions_B += 1

    def compact(self, moves: Moves) -> None:
        """Let the finished rows go."""
        for tensors in (self._keys, self._values):
            for layer, tensor in enumerate(tensors):
                moves.apply(tensor[:, :, : self.used])
                tensors[layer] = tensor[: moves.kept]
        self.positions_B = moves.apply(self.positions_B)
        self._mask = moves.apply(self._mask)
