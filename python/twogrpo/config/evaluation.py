"""The configuration of `twogrpo eval`: which problems a model answers, how often, and what counts as right."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from twogrpo.config.load import load_config
from twogrpo.config.runs import OnlineConfig, RunConfig
from twogrpo.config.sampling import AnswerSection, DataSection, ModelSection, ScoringSection
from twogrpo.config.section import RootSection, Section
from twogrpo.config.training import StoreSection

__all__ = ["EvalConfig"]

Count = Annotated[int, Field(ge=1)]


class JudgedSection(ScoringSection):
    """What decides whether an answer is right."""

    profile: Literal["rl", "eval", "strict", "string", "math_verify"] = "eval"
    """Profile of the verifier: `eval` also reads answers in a format that was not trained; a run brings its own."""


class BackendSection(Section):
    """What samples."""

    backend: Literal["auto", "builtin", "transformers"] = "auto"
    """`auto` takes the builtin sampler for Qwen2, Qwen3 and Llama, and transformers for every other architecture."""


class EvaluationSection(AnswerSection):
    """How often and how long the model answers, and what is made of it."""

    k: tuple[Count, ...] | None = None
    """The k of pass@k, each at most eval.samples; by default the powers of two up to it, and it."""
    greedy: bool = True
    """Also answer every problem greedily."""
    max_new_tokens: Count = 1024
    """Longest answer, in tokens."""
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    """Draws of the bootstrap and of the permutation test."""

    @property
    def ks(self) -> tuple[int, ...]:
        """The k of pass@k, in rising order."""
        if self.k is not None:
            return tuple(sorted(set(self.k)))
        powers = (2**power for power in range(self.samples.bit_length()))
        return tuple(sorted({*powers, self.samples}))

    @field_validator("k", mode="before")
    @classmethod
    def _one_k(cls, value: Any) -> Any:  # noqa: ANN401  # before validation
        return (value,) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _samples_suffice(self) -> Self:
        if self.k is not None and (not self.k or max(self.k) > self.samples):
            shown = ", ".join(map(str, self.k))
            msg = f"k=[{shown}] with samples={self.samples}; give one k or more, none above the samples of a problem"
            raise ValueError(msg)
        return self


class ThreadsSection(Section):
    """The processor."""

    threads: Count | None = None
    """CPU threads of torch; by default its own choice. Answers are repeated bit for bit only with equal threads."""


class EvalConfig(RootSection):
    """An evaluation by `twogrpo eval`."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the sampling, the bootstrap and the permutation test."""
    model: ModelSection
    data: DataSection = DataSection()
    reward: JudgedSection = JudgedSection()
    rollout: BackendSection = BackendSection()
    eval: EvaluationSection = EvaluationSection()
    store: StoreSection = StoreSection()
    train: ThreadsSection = ThreadsSection()

    @classmethod
    def load(cls, path: str | Path | None = None, overrides: Sequence[str] = ()) -> Self:
        """Return the configuration of a YAML file with `key=value` overrides on top.

        Raises:
            ConfigError: An unknown key (with a suggestion), a wrong value, or an unreadable file.
        """
        return load_config(cls, path, overrides)

    @classmethod
    def taken_from(cls, run: RunConfig) -> dict[str, Any]:
        """Return the nested keys with which a run evaluates itself: its prompts, its verifier, its sampling."""
        data = run.data.model_dump() | {"path": run.eval.data}
        evaluation = {name: getattr(run.eval, name) for name in AnswerSection.model_fields}
        longest = run.eval.max_new_tokens
        if longest is None and isinstance(run, OnlineConfig):
            longest = run.rollout.max_new_tokens
        if longest is not None:
            evaluation["max_new_tokens"] = longest
        taken = {
            "seed": run.seed,
            "model": run.model.model_dump(),
            "data": data,
            "reward": {name: getattr(run.reward, name) for name in ScoringSection.model_fields},
            "eval": evaluation,
            "train": {"threads": run.train.threads},
        }
        return taken | ({"rollout": {"backend": run.rollout.backend}} if isinstance(run, OnlineConfig) else {})

    @model_validator(mode="after")
    def _has_problems(self) -> Self:
        if self.data.path is None:
            msg = "data.path is missing; name a .jsonl or .parquet file of problems after the model"
            raise ValueError(msg)
        return self
