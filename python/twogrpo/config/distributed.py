"""The section about the distributed engine: where it runs and how it splits the work."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from twogrpo.config.section import Section

__all__ = ["OpenrlhfSection", "ReplaySection"]

Count = Annotated[int, Field(ge=1)]


class OpenrlhfSection(Section):
    """OpenRLHF's own settings, for `engine=openrlhf`; everything else keeps its key."""

    mode: Literal["sync", "async", "colocated"] = "sync"
    """Generate and train in turns, at the same time (rollouts are a version old), or in turns on the same GPUs."""
    nodes: Count = 1
    """Machines that the policy is trained on."""
    gpus_per_node: Count = 1
    """GPUs of each machine that the policy is trained on."""
    vllm_engines: Count = 1
    """vLLM engines that generate; with `colocated` they and the policy share GPUs one to one."""
    vllm_tensor_parallel: Count = 1
    """GPUs of one vLLM engine."""
    vllm_memory_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of a GPU's memory that vLLM takes; about 0.5 with `colocated`."""
    zero_stage: Annotated[int, Field(ge=0, le=3)] = 2
    """DeepSpeed's ZeRO stage: what is split over the GPUs (1 optimizer, 2 gradients too, 3 weights too)."""
    micro_batch_size: Count = 4
    """Sequences of one forward and backward pass on one GPU; takes the place of train.token_budget."""
    attention: str = "flash_attention_2"
    """Attention in the trainer, as transformers names it; OpenRLHF imports flash-attn with every one of them."""
    extra: tuple[str, ...] = ()
    """More of OpenRLHF's flags, word by word, such as `[--ds.zpg, 8]`; one that a key already sets is refused."""

    @field_validator("extra", mode="before")
    @classmethod
    def _numbers_are_words(cls, value: Any) -> Any:  # noqa: ANN401  # before validation
        if not isinstance(value, list | tuple):
            return value
        return [str(word) if isinstance(word, int | float) and not isinstance(word, bool) else word for word in value]


class ReplaySection(Section):
    """Stored rollouts as the first batches of an online run, before the policy samples its own."""

    rollouts: str | None = None
    """A run folder or store; its rollouts need processed logprobs; nothing is replayed by default."""
    steps: Count | None = None
    """Batches to replay; by default every stored step, one batch each."""
