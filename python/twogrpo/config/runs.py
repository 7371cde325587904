"""The two kinds of run, `online` and `dpo`, as one model each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from twogrpo.config.distributed import OpenrlhfSection, ReplaySection
from twogrpo.config.load import load_config, merge, validate
from twogrpo.config.sampling import DataSection, EvalSection, ModelSection, RewardSection, RolloutSection
from twogrpo.config.section import RootSection
from twogrpo.config.training import (
    AdvantageSection,
    CheckpointSection,
    DpoSection,
    DpoTrainSection,
    LogSection,
    ObjectiveSection,
    PairsSection,
    StoreSection,
    TrainSection,
)

__all__ = ["DpoConfig", "OnlineConfig", "RunConfig"]


class RunConfig(RootSection):
    """What an online run and a dpo run share."""

    run_dir: str | None = None
    """The run's folder; an existing one is never overwritten without --resume or --force."""
    engine: Literal["local", "openrlhf"] = "local"
    """`local` trains in this process on one device; `openrlhf` on a Ray cluster, with vLLM and DeepSpeed."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of prompt order, sampling, batches and, for `tiny`, of the model and its warm start."""
    model: ModelSection
    data: DataSection = DataSection()
    reward: RewardSection = RewardSection()
    train: TrainSection = TrainSection()
    eval: EvalSection = EvalSection()
    checkpoint: CheckpointSection = CheckpointSection()
    log: LogSection = LogSection()
    openrlhf: OpenrlhfSection = OpenrlhfSection()

    @classmethod
    def load(cls, path: str | Path | None = None, overrides: Sequence[str] = ()) -> Self:
        """Return the configuration of a YAML file with `key=value` overrides on top.

        Args:
            path: YAML file, or None for the defaults alone.
            overrides: Strings such as `rollout.group_size=4`; the value is read as YAML.

        Raises:
            ConfigError: An unknown key (with a suggestion), a wrong value, or an unreadable file.
        """
        return load_config(cls, path, overrides)


class OnlineConfig(RunConfig):
    """A run of `twogrpo online`."""

    preset: Literal["paper-equations", "paper-verl"] = "paper-equations"
    """`paper-equations` is the paper as printed; `paper-verl` is what verl's defaults did in the paper's runs."""
    rollout: RolloutSection = RolloutSection()
    advantage: AdvantageSection = AdvantageSection()
    objective: ObjectiveSection = ObjectiveSection()
    store: StoreSection = StoreSection()
    replay: ReplaySection = ReplaySection()

    @classmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        """Return the two readings of the paper; `paper-equations` is what the fields' own defaults say."""
        verl = {
            "advantage": {"std": "sample", "eps": 1e-6},
            "objective": {"aggregate": "token_mean"},
            "train": {"weight_decay": 0.01, "max_grad_norm": 1.0},
        }
        return {"paper-equations": {}, "paper-verl": verl}

    @model_validator(mode="after")
    def _has_prompts(self) -> Self:
        if self.data.path is None:
            msg = "data.path is missing; name a .jsonl or .parquet file of problems"
            raise ValueError(msg)
        return self

    @property
    def rollouts_per_step(self) -> int:
        """Rollouts of one batch, ties included."""
        return self.rollout.prompts_per_step * self.rollout.group_size

    @property
    def updates_per_step(self) -> int:
        """Optimizer steps made on one batch of rollouts."""
        return self.rollouts_per_step // (self.train.rollouts_per_update or self.rollouts_per_step)

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        update, batch, group = self.train.rollouts_per_update, self.rollouts_per_step, self.rollout.group_size
        if update is not None and (batch % update or update % group):
            fits = [n for n in range(group, batch + 1, group) if batch % n == 0]
            near = sorted(sorted(fits, key=lambda n: abs(n - update))[:3])
            msg = (
                f"train.rollouts_per_update={update} does not split a batch of {batch} rollouts "
                f"(rollout.prompts_per_step={self.rollout.prompts_per_step} x rollout.group_size={group}) "
                f"into whole groups; use {' or '.join(map(str, near))}"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _ties_need_one_update(self) -> Self:
        if self.objective.ties == "drop" and self.updates_per_step > 1:
            msg = (
                f"objective.ties=drop leaves an unknown number of rollouts, which train.rollouts_per_update="
                f"{self.train.rollouts_per_update} cannot split; leave train.rollouts_per_update unset"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _replay_has_a_source(self) -> Self:
        if self.replay.steps is not None and self.replay.rollouts is None:
            msg = f"replay.steps={self.replay.steps} has nothing to replay; name a run or store by replay.rollouts"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _replay_is_weighted(self) -> Self:
        if self.replay.rollouts is not None and self.objective.importance.level == "off":
            msg = (
                f"objective.importance.level=off leaves replay.rollouts={self.replay.rollouts} uncorrected, which "
                "another policy has sampled; use token or sequence"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _budget_holds_a_response(self) -> Self:
        # OpenRLHF counts sequences, whatever their length.
        if self.engine == "local" and self.train.token_budget <= self.rollout.max_new_tokens:
            msg = (
                f"train.token_budget={self.train.token_budget} cannot hold one prompt and a response of "
                f"rollout.max_new_tokens={self.rollout.max_new_tokens}; raise the budget above their sum"
            )
            raise ValueError(msg)
        return self


class DpoConfig(RunConfig):
    """A run of `twogrpo dpo`."""

    dpo: DpoSection = DpoSection()
    pairs: PairsSection = PairsSection()
    train: DpoTrainSection = DpoTrainSection()

    @model_validator(mode="after")
    def _updates_hold_pairs(self) -> Self:
        update = self.train.rollouts_per_update
        if update is not None and update % 2:
            msg = f"train.rollouts_per_update={update} is odd, and a pair has two rollouts; use {update + 1}"
            raise ValueError(msg)
        return self

    @classmethod
    def for_run(cls, online: "OnlineConfig", values: dict[str, Any] | None = None) -> Self:
        """Return the configuration that trains on an online run's pairs: its model, data, reward and evaluation.

        Args:
            online: Configuration of the run whose rollouts are used.
            values: Nested keys that overrule what is taken over.

        Raises:
            ConfigError: An unknown key or a wrong value.
        """
        return validate(cls, merge(cls.taken_from(online), values or {}))

    @classmethod
    def taken_from(cls, online: "OnlineConfig") -> dict[str, Any]:
        """Return the nested keys taken over from an `online` run: model, data, reward, evaluation and seed."""
        taken = {name: getattr(online, name).model_dump() for name in ("model", "data", "reward", "eval")}
        taken["eval"]["max_new_tokens"] = online.eval.max_new_tokens or online.rollout.max_new_tokens
        taken["seed"] = online.seed
        return taken
