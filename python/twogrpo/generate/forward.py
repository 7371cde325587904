"""The forward pass of Qwen2, Qwen3 and Llama for generation: prompts at once, then one token a row.

Attention of one new token is two batched matrix products; a fused attention kernel is slower for one query. Logits are
float32 whatever the dtype of the weights. Gradients, dropout and attention masks of the caller's own are left out.
"""

import torch
from torch import Tensor
from torch.nn import functional

from twogrpo.generate.cache import KeyValueCache
from twogrpo.generate.weights import LayerWeights, ModelWeights

__all__ = ["Decoder"]


class Decoder:
    """The forward pass over given weights, for sequences of at most `positions` tokens."""

    def __init__(self, weights: ModelWeights, positions: int) -> None:
        self._weights = weights
        self._cos_TD, self._sin_TD = weights.rotary_tables(positions)

    def prefill(
        self, tokens_PT: Tensor, lengths_P: Tensor, cache: KeyValueCache, rows: slice, prompt_of_row: Tensor
    ) -> Tensor:
        """Return the logits after each prompt, shape (prompts, vocabulary), and fill the cache of its rows.

        Args:
            tokens_PT: Prompts, padded on the right, where causal attention hides the padding from them.
            lengths_P: Tokens of each prompt.
            cache: The cache to fill.
            rows: The cache's rows that belong to these prompts.
            prompt_of_row: For each of those rows its prompt's index in `tokens_PT`.
        """
        weights, length = self._weights, tokens_PT.shape[1]
        cos, sin = self._cos_TD[:length, None], self._sin_TD[:length, None]
        is_last_PT = torch.arange(length, device=tokens_PT.device) == lengths_P[:, None] - 1
        hidden = functional.embedding(tokens_PT, weights.embedding)
        for index, layer in enumerate(weights.layers):
            queries, keys, values = (heads.transpose(1, 2) for heads in self._heads(layer, hidden, cos, sin))
            cache.store_prompts(index, keys, values, rows, prompt_of_row)
            attended = functional.scaled_dot_product_attention(
                queries, keys, values, is_causal=True, enable_gqa=weights.heads != weights.key_value_heads
            )
            attended = attended.transpose(1, 2).flatten(2)
            if index + 1 == len(weights.layers):
                # What follows the last keys and values serves the next token alone.
                hidden, attended = hidden[is_last_PT], attended[is_last_PT]
            self._finish_layer(layer, hidden, attended)
        return self._logits(hidden)

    def step(self, tokens_B: Tensor, cache: KeyValueCache) -> Tensor:
        """Return the logits after one more token a row, shape (rows, vocabulary), and put the token into the cache."""
        weights = self._weights
        cos = self._cos_TD.index_select(0, cache.positions_B)[:, None]
        sin = self._sin_TD.index_select(0, cache.positions_B)[:, None]
        hidden = functional.embedding(tokens_B, weights.embedding)
        for index, layer in enumerate(weights.layers):
            queries, keys, values = self._heads(layer, hidden, cos, sin)
            attended = self._attend_one(queries, *cache.append(index, keys, values))
            self._finish_layer(layer, hidden, attended)
        cache.advance()
        return self._logits(hidden)

    def _heads(self, layer: LayerWeights, hidden: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return rotated queries, rotated keys, and values, each of shape (..., heads, head_dim)."""
        weights = self._weights
        normed = _rms_norm(hidden, layer.attention_norm, weights.eps)
        fused = functional.linear(normed, layer.qkv, layer.qkv_bias)
        heads = fused.view(*fused.shape[:-1], -1, weights.head_dim)
        rotating = weights.heads + weights.key_value_heads
        query_key, values = heads[..., :rotating, :], heads[..., rotating:, :]
        if layer.query_key_norm is not None:
            query_key = _rms_norm(query_key, layer.query_key_norm, weights.eps)
        rotated = torch.addcmul(query_key * cos, query_key.roll(weights.head_dim // 2, dims=-1), sin)
        return rotated[..., : weights.heads, :], rotated[..., weights.heads :, :], values

    def _attend_one(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Return what one query a row attends to, shape (rows, heads * head_dim)."""
        # The query heads that share a key head are the rows of one small matrix.
        head_dim = self._weights.head_dim
        grouped = queries.reshape(len(keys), -1, head_dim)
        scores = torch.baddbmm(mask, grouped, keys.transpose(1, 2), alpha=head_dim**-0.5)
        shares = scores.softmax(dim=-1, dtype=torch.float32).to(values.dtype)
        return torch.bmm(shares, values).view(len(queries), -1)

    def _finish_layer(self, layer: LayerWeights, hidden: Tensor, attended: Tensor) -> None:
        """Add to `hidden`, in place, what attention and the feed-forward block contribute."""
        _add_linear(hidden, attended, layer.out, layer.out_bias)
        normed = _rms_norm(hidden, layer.mlp_norm, self._weights.eps)
        gate, up = functional.linear(normed, layer.gate_up, layer.gate_up_bias).chunk(2, dim=-1)
        _add_linear(hidden, functional.silu(gate).mul_(up), layer.down, layer.down_bias)

    def _logits(self, hidden: Tensor) -> Tensor:
        weights = self._weights
        normed = _rms_norm(hidden, weights.final_norm, weights.eps)
        return functional.linear(normed, weights.head).float()


def _rms_norm(hidden: Tensor, scale: Tensor, eps: float) -> Tensor:
    """Return `hidden` divided by its root mean square and times `scale`, in fewer passes than torch's own on a CPU."""
    dtype = torch.promote_types(hidden.dtype, torch.float32)
    norm: Tensor = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True, dtype=dtype)
    inverse = norm.square_().div_(hidden.shape[-1]).add_(eps).rsqrt_()
    return (hidden * inverse).mul_(scale).to(hidden.dtype)


def _add_linear(hidden: Tensor, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Add a linear layer's outputs to `hidden` in place, as part of the matrix product."""
    if bias is not None:
        hidden += bias
    hidden.view(-1, hidden.shape[-1]).addmm_(inputs.reshape(-1, inputs.shape[-1]), weight.T)
