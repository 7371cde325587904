"""The weights of a Qwen2, Qwen3 or Llama model as the sampler wants them: fused, in one dtype, and a snapshot.

Query, key and value projections become one matrix, gate and up projections another. A parameter that takes gradients
is copied, so that an optimizer step shows only after `sync`; a frozen one that already has the wanted dtype is shared
with the model. An adapter is added to the weight that it stands beside. Which models can be taken is said in `support`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from twogrpo.adapters import current_weight, is_adapted

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["LayerWeights", "ModelWeights"]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One decoder layer; a bias or norm that the architecture lacks is None.

    Attributes:
        attention_norm: Scale of the norm before attention, shape (hidden,).
        qkv: Queries, keys and values, shape ((heads + 2 * key_value_heads) * head_dim, hidden).
        query_key_norm: Scales of the norms of each query and key head, shape (heads + key_value_heads, head_dim).
        out: From the heads back to the hidden size.
        mlp_norm: Scale of the norm before the feed-forward block, shape (hidden,).
        gate_up: Gate and up projection, shape (2 * intermediate, hidden).
        down: From the intermediate size back to the hidden size.
    """

    attention_norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    query_key_norm: Tensor | None
    out: Tensor
    out_bias: Tensor | None
    mlp_norm: Tensor
    gate_up: Tensor
    gate_up_bias: Tensor | None
    down: Tensor
    down_bias: Tensor | None


class ModelWeights:
    """A snapshot of a model's weights, and the few numbers that its forward pass needs.

    Args:
        model: A model that `supports` accepts, out of peft's wrapper.
        dtype: The dtype of the snapshot.
    """

    def __init__(self, model: "PreTrainedModel", dtype: torch.dtype) -> None:
        decoder, head = cast("Any", model.model), cast("Any", model.lm_head)
        attention = decoder.layers[0].self_attn
        self.dtype = dtype
        self.device = model.device
        self.heads: int = model.config.num_attention_heads
        self.key_value_heads: int = model.config.num_key_value_heads
        self.head_dim: int = attention.head_dim
        self.eps: float = decoder.norm.variance_epsilon
        self._rotary = decoder.rotary_emb
        self._copies: list[tuple[Tensor, nn.Module, str]] = []
        self.embedding = self._take(decoder.embed_tokens)
        self.layers = [self._layer(layer) for layer in decoder.layers]
        self.final_norm = self._take(decoder.norm)
        is_tied = head.weight is decoder.embed_tokens.weight and not is_adapted(head)
        self.head = self.embedding if is_tied else self._take(head)
        self.sync()

    @torch.no_grad()
    def sync(self) -> None:
        """Copy the model's current weights into the snapshot, in place."""
        for target, module, name in self._copies:
            target.copy_(current_weight(module, name))

    def rotary_tables(self, positions: int) -> tuple[Tensor, Tensor]:
        """Return the cosines and sines of the first `positions` positions, each of shape (positions, head_dim).

        The first half of the sines is negated: `x * cos + roll(x, head_dim / 2) * sin` is the rotation.
        """
        angles_TD = torch.outer(
            torch.arange(positions, dtype=torch.float32, device=self.device), self._rotary.inv_freq.float()
        )
        cos_TD, sin_TD = (
            angles_TD.cos() * self._rotary.attention_scaling,
            angles_TD.sin() * self._rotary.attention_scaling,
        )
        tables = torch.cat([cos_TD, cos_TD], dim=1), torch.cat([-sin_TD, sin_TD], dim=1)
        return tables[0].to(self.dtype), tables[1].to(self.dtype)

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes of keys and values of one token over all layers."""
        return 2 * len(self.layers) * self.key_value_heads * self.head_dim * self.dtype.itemsize

    def _layer(self, layer: Any) -> LayerWeights:  # noqa: ANN401  # one of three decoder layer classes, alike in attributes
        attention, mlp = layer.self_attn, layer.mlp
        qkv, gate_up = (attention.q_proj, attention.k_proj, attention.v_proj), (mlp.gate_proj, mlp.up_proj)
        return LayerWeights(
            attention_norm=self._take(layer.input_layernorm),
            qkv=self._fuse(qkv, "weight"),
            qkv_bias=None if qkv[0].bias is None else self._fuse(qkv, "bias"),
            query_key_norm=self._query_key_norm(attention) if hasattr(attention, "q_norm") else None,
            out=self._take(attention.o_proj),
            out_bias=None if attention.o_proj.bias is None else self._take(attention.o_proj, "bias"),
            mlp_norm=self._take(layer.post_attention_layernorm),
            gate_up=self._fuse(gate_up, "weight"),
            gate_up_bias=None if gate_up[0].bias is None else self._fuse(gate_up, "bias"),
            down=self._take(mlp.down_proj),
            down_bias=None if mlp.down_proj.bias is None else self._take(mlp.down_proj, "bias"),
        )

    def _take(self, module: nn.Module, name: str = "weight") -> Tensor:
        source = cast("Tensor", getattr(module, name))
        if source.dtype == self.dtype and not source.requires_grad and not is_adapted(module):
            return source.detach()
        target = torch.empty_like(source, dtype=self.dtype, requires_grad=False)
        self._copies.append((target, module, name))
        return target

    def _fuse(self, modules: Sequence[nn.Module], name: str) -> Tensor:
        sources = [cast("Tensor", getattr(module, name)) for module in modules]
        sizes = [len(source) for source in sources]
        fused = torch.empty(sum(sizes), *sources[0].shape[1:], dtype=self.dtype, device=self.device)
        self._copies.extend(
            (part, module, name) for part, module in zip(torch.split(fused, sizes), modules, strict=True)
        )
        return fused

    def _query_key_norm(self, attention: Any) -> Tensor:  # noqa: ANN401  # Qwen3Attention
        fused = torch.empty(self.heads + self.key_value_heads, self.head_dim, dtype=self.dtype, device=self.device)
        queries, keys = torch.split(fused, [self.heads, self.key_value_heads])
        self._copies += [(queries, attention.q_norm, "weight"), (keys, attention.k_norm, "weight")]
        return fused
