"""Attention over a packed stream: sequences are cut out of it into rows, so that none sees another.

Registered with transformers under a name of its own. Called without rows, as by `generate`, it is transformers' scaled
dot product attention. The rows are causal and padded on their right, so no mask is needed and the fused kernels of CPU
and GPU serve.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from twogrpo.train.packing import AttentionRows

__all__ = ["MODEL_TYPES", "enable_packing", "is_packing"]

NAME = "twogrpo_packed"
MODEL_TYPES = ("llama", "mistral", "qwen2", "qwen3")
"""Models whose only traffic between tokens is this attention, tested against their own padded forward."""
# What the attention functions of other architectures are given besides; ignoring it would be another model.
_FOREIGN = ("softcap", "s_aux", "position_bias")


def enable_packing(model: "PreTrainedModel") -> bool:
    """Let a model take packed streams where its architecture allows it, for good; return whether it does."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    config = getattr(model, "config", None)
    if getattr(config, "model_type", None) not in MODEL_TYPES:
        return False
    AttentionInterface.register(NAME, _packed_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    # For good, not around each forward: a checkpointed layer is computed again in the backward pass.
    model.set_attn_implementation(NAME)
    return True


def is_packing(model: "PreTrainedModel") -> bool:
    """Return whether the model takes packed streams."""
    return getattr(getattr(model, "config", None), "_attn_implementation", None) == NAME


def _packed_attention(
    module: nn.Module,
    query_BhTD: Tensor,
    key_BkTD: Tensor,
    value_BkTD: Tensor,
    attention_mask: Tensor | None,
    *,
    rows: "AttentionRows | None" = None,
    **settings: Any,  # noqa: ANN401  # transformers' protocol
) -> tuple[Tensor, Tensor | None]:
    if rows is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query_BhTD, key_BkTD, value_BkTD, attention_mask, **settings)
    foreign = [name for name in _FOREIGN if settings.get(name) is not None]
    if foreign:
        raise NotImplementedError(f"packed attention does not know {', '.join(foreign)}")
    stream = [heads.squeeze(0).transpose(0, 1) for heads in (query_BhTD, key_BkTD, value_BkTD)]
    outputs = [_rows_attention(stream, block_BL, settings) for block_BL in rows.blocks]
    output = torch.cat(outputs) if len(outputs) > 1 else outputs[0]
    return output.index_select(0, rows.place_N).unsqueeze(0), None


def _rows_attention(stream: list[Tensor], block_BL: Tensor, settings: dict[str, Any]) -> Tensor:
    """Return the attention of the rows of one block, shape (rows * longest, heads, width)."""
    query, key, value = (
        heads.index_select(0, block_BL.flatten()).view(*block_BL.shape, *heads.shape[1:]).transpose(1, 2)
        for heads in stream
    )
    window = settings.get("sliding_window")
    mask = None if window is None or window >= block_BL.shape[1] else _window_mask(block_BL, window)
    output_BhLD = scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=mask is None,
        scale=settings.get("scaling"),
        dropout_p=settings.get("dropout", 0.0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return output_BhLD.transpose(1, 2).flatten(0, 1)


def _window_mask(block_BL: Tensor, window: int) -> Tensor:
    """Return which keys each query sees, shape (longest, longest): itself and the `window` - 1 before it."""
    positions = torch.arange(block_BL.shape[1], device=block_BL.device)
    distance = positions[:, None] - positions
    return (distance >= 0) & (distance < window)
