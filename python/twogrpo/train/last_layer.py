"""A last layer whose feed-forward part computes only the tokens that something is predicted from.

Behind the attention of the last layer no token reads another one, and only hidden states before a response token reach
the head. The prompts' other tokens are left out there: with few layers or long prompts a large part of a pass.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from twogrpo.train.packed_attention import MODEL_TYPES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["cut_last_layer", "is_cut"]


def cut_last_layer(model: "PreTrainedModel") -> None:
    """Let the decoder of a model that can be packed be asked for some of its last hidden states only, for good.

    Such a decoder takes `wanted_K`, the places of those tokens in the stream, and returns the states of these alone, in
    their order. Without it nothing changes.
    """
    if getattr(getattr(model, "config", None), "model_type", None) not in MODEL_TYPES or is_cut(model):
        return
    layer = _last_layer(model)
    # A class of its own, not a replaced method: transformers wraps a class's forward pass to compute it again.
    layer.__class__ = _cut_class(type(layer))  # type: ignore[arg-type]  # mypy asks the layer for the class's hash


def is_cut(model: "PreTrainedModel") -> bool:
    """Return whether the model's decoder takes `wanted_K`."""
    return hasattr(_last_layer(model), "takes_wanted")


def _last_layer(model: "PreTrainedModel") -> Any:  # noqa: ANN401  # a layer of any architecture
    decoder = cast("Any", model.get_decoder())  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    return decoder.layers[-1]


@cache
def _cut_class(kind: type[nn.Module]) -> type[nn.Module]:
    """Return the layer's class with another forward pass; its name stays, by which transformers places layers."""

    def forward(self: Any, hidden_1NH: Tensor, wanted_K: Tensor | None = None, **settings: Any) -> Tensor:  # noqa: ANN401
        if wanted_K is None:
            return cast("Tensor", kind.forward(self, hidden_1NH, **settings))
        attended_1NH, _ = self.self_attn(hidden_states=self.input_layernorm(hidden_1NH), **settings)
        hidden_1KH = (hidden_1NH + attended_1NH).index_select(1, wanted_K)
        return cast("Tensor", hidden_1KH + self.mlp(self.post_attention_layernorm(hidden_1KH)))

    members = {"forward": forward, "takes_wanted": True, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), members)
