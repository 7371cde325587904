"""Sections about what is done with the rollouts: objective, optimizer, pairs, checkpoints, store, log."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twogrpo.config.section import Section

__all__ = [
    "AdvantageSection",
    "CheckpointSection",
    "DpoSection",
    "DpoTrainSection",
    "ImportanceSection",
    "LogSection",
    "ObjectiveSection",
    "PairsSection",
    "StoreSection",
    "TrainSection",
]

Count = Annotated[int, Field(ge=1)]


class AdvantageSection(Section):
    """Group-relative advantages (Eq. 6)."""

    std: Literal["population", "sample", "none"] = "population"
    """`population` gives exactly +1/-1 at group size 2; `sample` is the convention of TRL, verl and OpenRLHF."""
    eps: Annotated[float, Field(ge=0)] = 0.0
    """Added to the standard deviation; 0 is safe, as ties are found by equality of rewards."""


class ImportanceSection(Section):
    """Truncated correction pi_old / mu where the sampler is not the policy at the start of the batch."""

    level: Literal["off", "token", "sequence"] = "token"
    """One weight a token, one a response, or none. Used only where pi_old is recomputed (bfloat16, replay)."""
    cap: Annotated[float, Field(gt=0)] = 2.0
    """Weights above this are cut to it; the truncated mass is logged."""


class ObjectiveSection(Section):
    """The clipped policy objective (Eq. 5)."""

    aggregate: Literal["sequence_mean", "token_mean", "constant"] = "sequence_mean"
    """`sequence_mean` is Eq. 5; `token_mean` is DAPO's and verl's; `constant` is Dr. GRPO's."""
    clip_low: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The ratio is clipped below at 1 - clip_low."""
    clip_high: Annotated[float, Field(ge=0)] = 0.2
    """The ratio is clipped above at 1 + clip_high."""
    ties: Literal["count", "drop"] = "count"
    """Whether rollouts of tied groups count in the denominator (Eq. 5) or not (DAPO)."""
    importance: ImportanceSection = ImportanceSection()
    """Correction for a sampler that differs from the trainer."""


class TrainSection(Section):
    """The optimizer and its batches."""

    steps: Count | None = None
    """Steps to train: batches of rollouts when online, optimizer steps for dpo. Or give epochs."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the prompts (online) or the pairs (dpo). Or give steps."""
    learning_rate: Annotated[float, Field(gt=0)] = 8e-6
    """Peak learning rate."""
    warmup_steps: Annotated[int, Field(ge=0)] = 10
    """Optimizer steps over which the learning rate rises linearly to its peak."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What the learning rate does after the warm-up; `linear` and `cosine` end at 0."""
    optimizer: Literal["adam", "adamw"] = "adamw"
    """AdamW with weight_decay 0 is Adam."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.999)
    """Adam's decay rates."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled with `adamw`, added to the gradient with `adam`."""
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    """Gradients are scaled down to this norm; none by default."""
    rollouts_per_update: Count | None = None
    """Rollouts of one optimizer step; by default the whole batch, so that training is on-policy."""
    token_budget: Count = 16384
    """Most tokens (prompts included, padding not) in one forward and backward pass."""
    threads: Count | None = None
    """CPU threads of torch; by default its own choice. Runs are repeated bit for bit only with equal threads."""

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            msg = f"steps={self.steps} and epochs={self.epochs} are both given; keep one of them"
            raise ValueError(msg)
        return self


class DpoTrainSection(TrainSection):
    """The optimizer and its batches, with the defaults of preference training."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-6
    """Peak learning rate."""
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    """What the learning rate does after the warm-up; `linear` and `cosine` end at 0."""
    rollouts_per_update: Count | None = 128
    """Rollouts of one optimizer step, two a pair; none takes every pair at once."""


class DpoSection(Section):
    """Preference training (Eq. 4)."""

    loss: Literal["dpo"] = "dpo"
    """Direct preference optimisation on summed logprobs."""
    beta: Annotated[float, Field(gt=0)] = 0.1
    """Strength of the pull towards the reference policy."""
    reference: str = "start"
    """`start` is the model that training starts from; or a model folder; its logprobs are computed once."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Assumed share of pairs whose order is wrong."""


class PairsSection(Section):
    """Which pairs are built from stored rollouts."""

    strategy: Literal["one_random", "all", "best_worst", "best_random", "sweet_spot", "hardest", "nearest_length"] = (
        "one_random"
    )
    """Of each group any pair, all, best against worst, best against any, best against mean - 2 standard deviations, the
    smallest margin, or the smallest difference of lengths."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """A pair's rewards differ by more than this; ties never pair."""
    cross_step: bool = False
    """A draw of a prompt, a tied one too, may also take a rollout of an earlier draw, from the nearest 64."""
    max_staleness: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Most policy versions between the rollouts of a pair; unknown ones, and those of two runs, then never pair."""
    same_model: bool = False
    """Both rollouts of a pair have the same model_id; unknown ones never pair."""
    dedupe: bool = False
    """Responses of equal token ids count once; reads the token ids of the whole store."""
    max_per_prompt: Count | None = None
    """Most pairs of one prompt over all its groups; by default 4 beyond group size 2, and with `all` and cross_step."""
    max_per_rollout: Count | None = None
    """Most pairs that one rollout stands in."""
    cut_responses: Literal["include", "exclude", "only_rejected"] = "include"
    """What becomes of responses cut at the token limit."""
    length_ratio_max: Annotated[float, Field(ge=1)] | None = None
    """Drop pairs whose longer response is longer than the shorter one by more than this factor."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the random choices and of the order."""


class CheckpointSection(Section):
    """When the run is saved."""

    every_steps: Annotated[int, Field(ge=0)] = 100
    """Save after every so many steps; the last step and an interrupt are always saved; 0 saves only then."""
    keep: Count = 2
    """Newest checkpoints that stay on disk."""


class StoreSection(Section):
    """What the rollout store holds."""

    logprob_dtype: Literal["float32", "float16"] = "float32"
    """float16 halves the bytes at a ratio error of up to 0.8 %; sums are kept in float64 either way."""
    keep_text: bool = True
    """Store the response's text beside its token ids."""


class LogSection(Section):
    """What is printed."""

    every_steps: Count = 1
    """Print a line every so many steps; metrics.jsonl has every step."""
