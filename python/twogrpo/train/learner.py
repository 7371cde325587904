"""What every objective needs of the model: logprobs of given responses, and one optimizer step."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from twogrpo.errors import TrainingError
from twogrpo.train.logprobs import TokenBatch, token_logps

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Learner"]


@dataclass(frozen=True)
class Learner:
    """A policy with its optimizer.

    Attributes:
        model: Weights in float32.
        optimizer: Steps on those weights.
        device: Where the model lives.
        dtype: Numbers of the forward pass; bfloat16 runs under autocast.
        pad_id: Fills rows up to a common length; never attended to.
    """

    model: "PreTrainedModel"
    optimizer: torch.optim.Optimizer
    device: torch.device
    dtype: torch.dtype
    pad_id: int

    def logps(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]], *, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return logprobs of the responses' tokens and the mask of real tokens, both (sequences, longest response)."""
        batch = TokenBatch.pack(prompt_ids, response_ids, pad_id=self.pad_id, device=self.device)
        with self._numbers():
            return token_logps(self.model, batch, temperature=temperature)

    def zero_gradients(self) -> None:
        """Set every gradient to zeros, not to None.

        A step in which nothing contributes must still move the weights by Adam's momentum and decay, as the same step
        without skipping would.
        """
        for weight in self._weights():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            else:
                weight.grad.zero_()

    def apply(self, rate: float, max_grad_norm: float | None, step: int) -> float:
        """Make one optimizer step on the gradients collected and return their norm before any clipping.

        Raises:
            TrainingError: The gradient is not finite; the weights are left as they were.
        """
        limit = float("inf") if max_grad_norm is None else max_grad_norm
        norm = float(nn.utils.clip_grad_norm_(self._weights(), limit))
        if not torch.isfinite(torch.tensor(norm)):
            msg = (
                f"step {step}: the gradient's norm is {norm}; the weights are as they were before this step. "
                "Lower train.learning_rate or set train.max_grad_norm, then --resume"
            )
            raise TrainingError(msg)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return norm

    def _weights(self) -> list[nn.Parameter]:
        return [weight for weight in self.model.parameters() if weight.requires_grad]

    def _numbers(self) -> AbstractContextManager[None]:
        is_narrow = self.dtype != torch.float32
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=is_narrow)
