"""The GPUs that an online run takes from its Ray cluster: those that train, and those of vLLM's engines."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from twogrpo.config.distributed import OpenrlhfSection

__all__ = ["Gpus", "gpus_of", "visible_gpus"]


@dataclass(frozen=True)
class Gpus:
    """GPUs of one run.

    Attributes:
        policy: Those that the policy is trained on.
        engines: Those of vLLM's engines.
        is_shared: The engines have those of the policy, one to one.
    """

    policy: int
    engines: int
    is_shared: bool

    @property
    def total(self) -> int:
        """All of them."""
        return self.policy if self.is_shared else self.policy + self.engines


def gpus_of(section: OpenrlhfSection, extra: Sequence[str]) -> Gpus:
    """Return the GPUs that a run takes.

    Args:
        section: The run's section `openrlhf`.
        extra: The checked words of `openrlhf.extra`.
    """
    return Gpus(
        section.nodes * section.gpus_per_node,
        section.vllm_engines * section.vllm_tensor_parallel,
        section.mode == "colocated" or "--train.colocate_all" in extra,
    )


def visible_gpus() -> int | None:
    """Return how many GPUs torch sees on this machine; None where DeepSpeed is told to use another kind of device."""
    import torch

    # DeepSpeed's own way to name one.
    if os.environ.get("DS_ACCELERATOR", "cuda") != "cuda":
        return None
    return torch.cuda.device_count()
