"""The optimizer that the `train` section describes."""

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from twogrpo.config.training import TrainSection

__all__ = ["make_optimizer"]


def make_optimizer(model: nn.Module, section: "TrainSection") -> torch.optim.Optimizer:
    """Return Adam or AdamW over all weights that want a gradient."""
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[section.optimizer]
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    # One kernel for all weights: a fifth of the time of one for each of them.
    return kind(weights, lr=section.learning_rate, betas=section.betas, weight_decay=section.weight_decay, fused=True)
