"""What every objective needs of the model: logprobs of given responses, and one optimizer step."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from twogrpo.errors import TrainingError
from twogrpo.train.last_layer import cut_last_layer
from twogrpo.train.logprobs import TokenBatch, token_logps
from twogrpo.train.packed_attention import enable_packing, is_packing
from twogrpo.train.packing import PackedBatch, like_lengths
from twogrpo.train.rms_norm import fuse_norms

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
        pad_id: Fills rows up to a common length where the model takes no packed streams; never attended to.
        packs: Compute sequences as one stream without padding, where the architecture is known to allow it.
        share_prompts: Compute a prompt once for all its responses in such a stream.
        cuts_last_layer: Leave out of its feed-forward part the tokens that predict nothing, in such a stream.
        fuses_norms: Normalise in few passes on a CPU, where the architecture is known to allow it.
    """

    model: "PreTrainedModel"
    optimizer: torch.optim.Optimizer
    device: torch.device
    dtype: torch.dtype
    pad_id: int
    packs: bool = True
    share_prompts: bool = True
    cuts_last_layer: bool = True
    fuses_norms: bool = True

    def __post_init__(self) -> None:
        if self.packs:
            enable_packing(self.model)
        if self.cuts_last_layer:
            cut_last_layer(self.model)
        if self.fuses_norms:
            fuse_norms(self.model)

    def logps(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]], *, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return logprobs of the responses' tokens and the mask of real tokens, both (sequences, longest response)."""
        with self._numbers():
            if self.packs and is_packing(self.model):
                batch = PackedBatch.pack(prompt_ids, response_ids, device=self.device, share_prompts=self.share_prompts)
                return token_logps(self.model, batch, temperature=temperature)
            return self._padded_logps(prompt_ids, response_ids, temperature)

    def _padded_logps(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]], temperature: float
    ) -> tuple[Tensor, Tensor]:
        """Return the same by one forward pass for each block of rows of like length."""
        blocks = like_lengths([len(p) + len(r) for p, r in zip(prompt_ids, response_ids, strict=True)])
        parts = []
        for rows in blocks:
            prompts, responses = [prompt_ids[row] for row in rows], [response_ids[row] for row in rows]
            batch = TokenBatch.pack(prompts, responses, pad_id=self.pad_id, device=self.device)
            parts.append(token_logps(self.model, batch, temperature=temperature))
        longest = max(logps.shape[1] for logps, _ in parts)
        logps_BR, mask_BR = (
            torch.cat([functional.pad(part, (0, longest - part.shape[1])) for part in side])
            for side in zip(*parts, strict=True)
        )
        place = torch.tensor([row for rows in blocks for row in rows], device=self.device).argsort()
        return logps_BR[place], mask_BR[place]

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
                "Begin a new run from the newest checkpoint, with a lower train.learning_rate or train.max_grad_norm"
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
