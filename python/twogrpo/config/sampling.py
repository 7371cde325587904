"""Sections about where text comes from: the model, the prompts, the sampler, the reward and the evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from twogrpo.config.section import Section

__all__ = [
    "AnswerSection",
    "DataSection",
    "EvalSection",
    "ModelSection",
    "RewardSection",
    "RolloutSection",
    "ScoringSection",
]

Probability = Annotated[float, Field(gt=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class LoraSection(Section):
    """Low-rank adapters in place of all weights; what is not named here stays as peft has it."""

    rank: Annotated[int, Field(ge=0)] = 0
    """Width of the adapters; 0 trains every weight instead."""
    alpha: Annotated[float, Field(gt=0)] | None = None
    """Adapters are scaled by alpha / rank; twice the rank by default."""
    targets: tuple[str, ...] = ()
    """Names of the layers that get one, such as `[q_proj, v_proj]`; every linear layer but the head if empty."""


class ModelSection(Section):
    """The policy that is trained."""

    path: str
    """A Hugging Face folder or hub id; `tiny` is the embedded model, made and warmed up in the run folder."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Numbers of the forward passes; the weights that the optimizer steps on are float32 in both cases."""
    device: str = "auto"
    """`auto` (cuda if there is one, else cpu), `cpu`, `cuda`, `cuda:1` or `mps`."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    lora: LoraSection = LoraSection()
    """Low-rank adapters; the weights that they stand beside are frozen and kept in `dtype`."""


class DataSection(Section):
    """The prompts and their gold answers."""

    path: str | None = None
    """A .jsonl or .parquet file with one problem a row; `tiny` is the embedded task; dpo needs none."""
    prompt_column: str | None = None
    """Column of the problem; by default the first present of `problem`, `question`, `prompt`."""
    gold_column: str | None = None
    """Column of the gold answer, a string, a number or a list of acceptable strings; by default `answer`."""
    system: str | None = None
    """System message put before every problem."""
    suffix: str | None = None
    """Text appended to every problem, such as the request for `\\boxed{}`: a base model scores 0 without it."""
    template: Literal["chat", "none"] = "chat"
    """`chat` renders the tokenizer's chat template; `none` tokenises the bare text, for base models."""
    max_prompt_tokens: Count | None = None
    """A prompt of more tokens is an error that names its row; no limit by default."""


class RolloutSection(Section):
    """How rollouts are sampled."""

    prompts_per_step: Count = 256
    """Prompts drawn for one batch."""
    group_size: Annotated[int, Field(ge=2)] = 2
    """Rollouts a prompt; 2 is 2-GRPO."""
    max_new_tokens: Count = 1024
    """Longest response, in tokens; a response that reaches it has finish_reason `length`."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Sampling temperature; the trainer divides its logits by the same number."""
    top_p: Probability = 1.0
    """Nucleus sampling; below 1 the policy ratio is taken against the untruncated policy, and this is said."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """Sample from the k likeliest tokens; 0 is off."""
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Drop tokens below this share of the likeliest token's probability; 0 is off."""
    backend: Literal["builtin", "transformers"] = "builtin"
    """`builtin` is the batched sampler for Qwen2, Qwen3 and Llama; `transformers` serves any architecture."""


class ScoringSection(Section):
    """What decides whether a response is right."""

    profile: Literal["rl", "eval", "strict", "string", "math_verify"] = "rl"
    """Profile of the verifier: `rl` is the precise one that a policy cannot game."""
    extract: (
        Annotated[
            tuple[Literal["boxed", "answer_phrase", "hash", "answer_line", "choice", "last_math", "last_number"], ...],
            Field(min_length=1),
        ]
        | None
    ) = None
    """Where the answer may stand, the first rule that finds one decides; by default the profile's (`rl`: boxed)."""
    function: str | None = None
    """`file.py:name` of a Python reward instead of the verifier: (prompts, responses, golds) -> numbers."""


class RewardSection(ScoringSection):
    """How a response becomes a number."""

    cut_response: Literal["score", "zero", "mask"] = "score"
    """A response cut at the token limit is scored as it is, scored 0, or makes its whole group inert."""
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Training stops when a larger share of the last 1,000 rewards failed (counted from the 200th on)."""


class AnswerSection(Section):
    """How the answers of an evaluation are sampled."""

    samples: Count = 8
    """Samples a problem, for mean@k and pass@k."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Sampling temperature of the samples."""
    top_p: Probability = 1.0
    """Nucleus sampling of the samples."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """Sample from the k likeliest tokens; 0 is off."""


class EvalSection(AnswerSection):
    """Evaluation on held-out problems, before, during and after training; a greedy answer is always added."""

    data: str | None = None
    """A .jsonl or .parquet file of problems; `tiny` is the embedded test set; nothing is evaluated by default."""
    every_steps: Annotated[int, Field(ge=0)] = 0
    """Also evaluate after every so many steps; 0 evaluates at the start and the end only."""
    max_new_tokens: Count | None = None
    """Longest answer, in tokens; by default rollout.max_new_tokens."""
