"""How much memory a run needs at its peak, estimated from the model's shape without loading a weight.

What stays is the weights in float32, their gradients, Adam's two moments and the sampler's own copy. On top of that
comes the larger of three phases that never overlap: sampling (keys, values and logits of the rows at once), training
(what one micro-batch keeps for its backward pass) and the optimizer step. The estimate is of the worst case, in which
every prompt is the longest and every response runs to its limit.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from twogrpo.preflight.machine import in_words
from twogrpo.preflight.report import Fact, Section
from twogrpo.preflight.training_memory import FLOAT32, training_memory

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["MemoryEstimate", "ModelShape", "Workload", "estimate_memory", "memory_section"]

# Python, torch and transformers themselves, on the CPU.
PROGRAM_BYTES = 700 << 20
# Limits of the builtin sampler: rows and bytes of one chunk, and prompt tokens computed at once.
SAMPLER_ROWS, SAMPLER_BYTES, PREFILL_TOKENS = 1024, 4 << 30, 32_768
# Sampling holds about three float32 tensors of the logits' size.
SAMPLER_LOGITS_BYTES = 12


@dataclass(frozen=True)
class ModelShape:
    """The numbers of a decoder that its memory follows from."""

    parameters: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    vocabulary: int
    # The trainer packs its sequences into one stream, and runs its own norms and last layer.
    is_packed: bool = True
    # Queries and keys are normalised head by head.
    has_head_norms: bool = False

    @classmethod
    def of(cls, model: "PreTrainedModel") -> "ModelShape":
        """Return the shape of a model, which may be on the meta device."""
        from twogrpo.train.packed_attention import MODEL_TYPES

        config: Any = model.config.get_text_config()
        heads = config.num_attention_heads
        return cls(
            parameters=sum(weight.numel() for weight in model.parameters()),
            hidden=config.hidden_size,
            intermediate=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
            layers=config.num_hidden_layers,
            heads=heads,
            key_value_heads=getattr(config, "num_key_value_heads", None) or heads,
            head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
            vocabulary=config.vocab_size,
            is_packed=model.config.model_type in MODEL_TYPES,
            has_head_norms=any(name.endswith("q_norm") for name, _ in model.named_modules()),
        )


@dataclass(frozen=True)
class Workload:
    """What the run does with the model, at most.

    Attributes:
        width: Bytes of a number in the forward passes, 4 or 2.
        has_sampler_copy: The builtin sampler keeps a copy of the weights.
        gradient_checkpointing: Activations are computed again in the backward pass.
        micro_batch_tokens: Tokens of one forward and backward pass.
        micro_batch_responses: How many of them are responses', whose logits are computed.
        rows: Sequences sampled at once, before the sampler's own limits.
        row_tokens: Longest prompt and longest response together.
        prompt_tokens: Longest prompt.
        is_on_cpu: Program and model share one memory.
        has_reference: A second model is loaded, to compute the reference's logprobs.
        trained: Parameters of an adapter, beside which the model's own are frozen and narrow; None trains those.
    """

    width: int
    has_sampler_copy: bool
    gradient_checkpointing: bool
    micro_batch_tokens: int
    micro_batch_responses: int
    rows: int
    row_tokens: int
    prompt_tokens: int
    is_on_cpu: bool
    has_reference: bool = False
    trained: int | None = None


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes, by what holds them."""

    weights: int
    gradients: int
    optimizer: int
    sampler_weights: int
    reference: int
    sampling: int
    activations: int
    forward_pass: int
    backward_pass: int
    optimizer_step: int
    program: int

    @property
    def lasting(self) -> int:
        """What is held all the time once the first step is made."""
        return self.weights + self.gradients + self.optimizer + self.sampler_weights + self.reference + self.program

    @property
    def training(self) -> int:
        """The most that one micro-batch adds to it."""
        return self.activations + max(self.forward_pass, self.backward_pass)

    @property
    def peak(self) -> int:
        """The most that is held at one time."""
        return self.lasting + max(self.sampling, self.training, self.optimizer_step)


def estimate_memory(shape: ModelShape, work: Workload) -> MemoryEstimate:
    """Return the bytes that a run needs on its device, in the worst case.

    Args:
        shape: The model.
        work: The largest batches of the run.
    """
    trained = FLOAT32 * (shape.parameters if work.trained is None else work.trained)
    weights = trained if work.trained is None else trained + work.width * shape.parameters
    return MemoryEstimate(
        weights=weights,
        gradients=trained,
        optimizer=2 * trained,
        sampler_weights=work.width * shape.parameters if work.has_sampler_copy else 0,
        reference=FLOAT32 * shape.parameters if work.has_reference else 0,
        sampling=_sampling(shape, work) if work.rows else 0,
        **training_memory(shape, work)._asdict(),
        # Adam works weight by weight on a CPU; elsewhere it keeps one more tensor for each of them.
        optimizer_step=0 if work.is_on_cpu else trained,
        program=PROGRAM_BYTES if work.is_on_cpu else 0,
    )


def memory_section(estimate: MemoryEstimate, *, parameters: int, device: str, free: int | None) -> Section:
    """Return what the run needs beside what the device has left.

    Args:
        estimate: What it needs.
        parameters: Of the model.
        device: Its name.
        free: Bytes left on it; None where that cannot be told.
    """
    parts = {name: size for name, size in asdict(estimate).items() if size}
    facts = [
        Fact("parameters", parameters, f"{parameters:,}"),
        *(Fact(f"{name}_bytes", size, in_words(size)) for name, size in parts.items()),
        Fact("peak_bytes", estimate.peak, f"{in_words(estimate.peak)}, an estimate of the worst case"),
        Fact("free_bytes", free, f"{'unknown' if free is None else in_words(free)} on {device}"),
    ]
    warnings = []
    if free is not None and estimate.peak > free:
        warnings.append(_shortage(estimate, device, free))
    return Section("memory", tuple(facts), tuple(warnings))


def _shortage(estimate: MemoryEstimate, device: str, free: int) -> str:
    """Return what is missing, and the key that would help most."""
    if estimate.lasting > free:
        return (
            f"weights, gradients and optimizer alone need {in_words(estimate.lasting)} and {in_words(free)} are free "
            f"on {device}: take a smaller model or a larger device"
        )
    key = "train.token_budget" if estimate.training >= estimate.sampling else "rollout.prompts_per_step"
    return (
        f"the run may need {in_words(estimate.peak)} and {in_words(free)} are free on {device}: lower {key}"
        f"{', or set model.gradient_checkpointing=true' if key == 'train.token_budget' else ''}"
    )


def _sampling(shape: ModelShape, work: Workload) -> int:
    """Return the bytes of one chunk of rows: cache and logits, or while the prompts are computed, if that is more."""
    cache = 2 * shape.layers * shape.key_value_heads * shape.head_dim * work.width
    row = work.row_tokens * cache + SAMPLER_LOGITS_BYTES * shape.vocabulary
    rows = max(1, min(work.rows, SAMPLER_ROWS, SAMPLER_BYTES // row))
    prefill_tokens = min(PREFILL_TOKENS, rows * work.prompt_tokens)
    # No layer's activations outlive it: hidden states, heads, and the feed-forward block.
    wide = 4 * shape.hidden + 4 * shape.heads * shape.head_dim + 4 * shape.intermediate
    return rows * row + prefill_tokens * wide * work.width
