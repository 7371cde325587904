"""RMSNorm in few passes on a CPU, where transformers' chain of small operations is a tenth of a tiny model's training.

A normalisation of transformers makes six tensors of its input's size forward and more backward, each of them memory to
be cleared and filled. This one makes two and four, and keeps for the backward pass its input and one number a row.
"""

from types import MethodType
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from twogrpo.train.packed_attention import MODEL_TYPES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["RmsNorm", "fuse_norms"]


def fuse_norms(model: "PreTrainedModel") -> None:
    """Let a model that can be packed normalise by `RmsNorm` wherever it computes in float32 on a CPU.

    The normalisations of these architectures are weight * x / sqrt(mean(x^2) + eps); those of others may not be.
    """
    if getattr(getattr(model, "config", None), "model_type", None) not in MODEL_TYPES:
        return
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
            cast("Any", module).forward = MethodType(_forward, module)


def _forward(module: nn.Module, hidden: Tensor) -> Tensor:
    weight = cast("Tensor", module.weight)
    is_float32 = hidden.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    if hidden.device.type != "cpu" or not is_float32:
        return cast("Tensor", type(module).forward(module, hidden))
    return cast("Tensor", RmsNorm.apply(hidden, weight, module.variance_epsilon))


class RmsNorm(torch.autograd.Function):
    """weight * x / sqrt(mean(x^2) + eps) over the last dimension.

    With y = x / sqrt(mean(x^2) + eps) and the gradient g of the result, the gradient of the weight is the sum of g * y
    over all rows, and that of x is (g * weight - y * mean(g * weight * y)) / sqrt(mean(x^2) + eps).
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, eps: float) -> Tensor:  # noqa: ANN401  # torch's context
        """Return the normalised rows, in the shape of `hidden`."""
        norm: Tensor = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
        inverse = norm.square_().div_(hidden.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(hidden, weight, inverse)
        return (hidden * inverse).mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:  # noqa: ANN401
        """Return the gradients of `hidden` and of the weight; a frozen weight has none."""
        hidden, weight, inverse = ctx.saved_tensors
        normed = hidden * inverse
        products = (grad * normed).reshape(-1, len(weight))
        along = torch.mv(products, weight).div_(-len(weight)).view_as(inverse)
        of_weight = products.sum(0) if ctx.needs_input_grad[1] else None
        return (grad * weight).addcmul_(normed, along).mul_(inverse), of_weight, None
