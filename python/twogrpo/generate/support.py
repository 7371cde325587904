"""Which models the builtin sampler serves, and why it refuses the others.

Refused are other architectures, sliding windows, frequencies that follow the length of the sequence, and layers that a
quantisation or an adapter other than plain LoRA has replaced: the sampler would compute something else than the model.
"""

from collections.abc import Iterator
from typing import Any, cast

from torch import nn

from twogrpo.adapters import is_adapted, plain_model

__all__ = ["supports", "unsupported_reason"]

_STATIC_ROPE = ("default", "linear", "llama3", "yarn")
_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def supports(model: nn.Module) -> bool:
    """Return whether the builtin sampler computes exactly what this model computes."""
    return unsupported_reason(model) is None


def unsupported_reason(model: nn.Module) -> str | None:
    """Return why the builtin sampler does not serve a model, or None if it does."""
    return next(_reasons(plain_model(cast("Any", model))), None)


def _reasons(model: Any) -> Iterator[str]:  # noqa: ANN401  # its class is what has to be found out
    from transformers import LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM

    # The exact class: a subclass or wrapper may compute something else.
    if type(model) not in {LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM}:
        yield f"its class is {type(model).__name__}, expected Qwen2, Qwen3 or Llama ForCausalLM"
        return
    yield from _config_reasons(model.config)
    odd = {type(layer).__name__ for layer in _linear_layers(model) if not (_is_plain(layer) or _is_plain_lora(layer))}
    if odd:
        yield f"it has {', '.join(sorted(odd))} layers (an adapter or quantisation), expected plain Linear or LoRA"
    if 2 * len(model.model.rotary_emb.inv_freq) != model.model.layers[0].self_attn.head_dim:
        yield "it rotates only a part of each head"
    if len({weight.device for weight in model.parameters()}) > 1:
        yield "its weights are on several devices, expected one"


def _config_reasons(config: Any) -> Iterator[str]:  # noqa: ANN401  # one of three config classes
    windows = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    if windows:
        yield f"it has layers of type {', '.join(sorted(windows))}, expected full_attention"
    if config.hidden_act != "silu":
        yield f"its activation is {config.hidden_act}, expected silu"
    rope_type = (config.rope_parameters or {}).get("rope_type", "default")
    if rope_type not in _STATIC_ROPE:
        yield f"its rope_type is {rope_type}, expected one of {', '.join(_STATIC_ROPE)}"


def _is_plain(layer: nn.Module) -> bool:
    return type(layer) is nn.Linear


def _is_plain_lora(layer: Any) -> bool:  # noqa: ANN401  # its class is what has to be found out
    """Return whether the layer is a plain one with low-rank matrices added to its weight, and nothing else."""
    if not is_adapted(layer):
        return False
    from peft.tuners.lora import Linear

    kinds = [getattr(layer, "use_dora", {}), getattr(layer, "lora_bias", {})]
    is_more = any(any(kind.values()) for kind in kinds) or bool(getattr(layer, "lora_variant", {}))
    return type(layer) is Linear and _is_plain(layer.base_layer) and not is_more


def _linear_layers(model: Any) -> list[nn.Module]:  # noqa: ANN401  # one of three model classes
    blocks = [block for layer in model.model.layers for block in (layer.self_attn, layer.mlp)]
    return [model.lm_head, *(getattr(block, name) for block in blocks for name in _PROJECTIONS if hasattr(block, name))]
