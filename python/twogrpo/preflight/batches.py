"""The arithmetic of batches in words: steps, updates, what happens at an epoch's end, and the largest batch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from twogrpo.config import OnlineConfig
from twogrpo.config.training import TrainSection
from twogrpo.preflight.report import Fact, Section, counted
from twogrpo.train.replay import Replay

__all__ = ["OnlineBatches", "batches_section", "online_batches", "warm_up_shown", "warm_up_warnings"]


@dataclass(frozen=True)
class OnlineBatches:
    """An online run in numbers.

    Attributes:
        prompts: Problems in the data.
        prompts_per_step: Problems drawn for one batch.
        group_size: Rollouts a problem.
        steps: Batches of the run.
        updates_per_step: Optimizer steps on one batch.
        longest: Tokens of the longest prompt with a whole response.
        max_new_tokens: Tokens of a whole response.
        token_budget: Most tokens of a micro-batch.
        replayed_steps: Steps on stored rollouts, which come first.
        replayed_rollouts: Their rollouts.
        replayed_updates: Their optimizer steps.
    """

    prompts: int
    prompts_per_step: int
    group_size: int
    steps: int
    updates_per_step: int
    longest: int
    max_new_tokens: int
    token_budget: int
    replayed_steps: int = 0
    replayed_rollouts: int = 0
    replayed_updates: int = 0

    @property
    def rollouts_per_step(self) -> int:
        """Rollouts of one batch."""
        return self.prompts_per_step * self.group_size

    @property
    def own_steps(self) -> int:
        """Batches that the run samples itself."""
        return self.steps - self.replayed_steps

    @property
    def own_rollouts(self) -> int:
        """Rollouts that the run samples itself."""
        return self.own_steps * self.rollouts_per_step

    @property
    def rollouts(self) -> int:
        """Rollouts of the whole run."""
        return self.own_rollouts + self.replayed_rollouts

    @property
    def updates(self) -> int:
        """Optimizer steps of the whole run."""
        return self.own_steps * self.updates_per_step + self.replayed_updates

    @property
    def epochs(self) -> float:
        """Passes over the data."""
        return self.own_steps * self.prompts_per_step / self.prompts

    @property
    def micro_batch_rows(self) -> int:
        """Sequences of the greatest length in one micro-batch."""
        return min(self.token_budget // self.longest, self.rollouts_per_step // self.updates_per_step)

    @property
    def micro_batches(self) -> int:
        """Micro-batches of one update when every sequence is of the greatest length."""
        return math.ceil(self.rollouts_per_step / self.updates_per_step / self.micro_batch_rows)


def online_batches(
    config: OnlineConfig, *, prompts: int, longest_prompt: int, replay: Replay | None = None
) -> OnlineBatches:
    """Return the numbers of a run whose longest prompt fits the token budget.

    Args:
        config: The run.
        prompts: Problems in its data.
        longest_prompt: Tokens of the longest one.
        replay: Stored batches that come first.
    """
    per_step, passes = config.rollout.prompts_per_step, config.train.epochs or 1
    stored = replay or Replay()
    steps = config.train.steps or len(stored) + math.ceil(passes * prompts / per_step)
    replayed = min(steps, len(stored))
    return OnlineBatches(
        prompts=prompts,
        prompts_per_step=per_step,
        group_size=config.rollout.group_size,
        steps=steps,
        updates_per_step=config.updates_per_step,
        longest=longest_prompt + config.rollout.max_new_tokens,
        max_new_tokens=config.rollout.max_new_tokens,
        token_budget=config.train.token_budget,
        replayed_steps=replayed,
        replayed_rollouts=sum(batch.rollouts for batch in stored.batches[:replayed]),
        replayed_updates=stored.updates(config, replayed),
    )


def batches_section(found: OnlineBatches, config: OnlineConfig, divided: Sequence[Fact] | None = None) -> Section:
    """Return the arithmetic, with a warning where a number is likely not meant.

    Args:
        found: The numbers.
        config: The run that they are of.
        divided: How an update is divided into forward passes; by the token budget if None.
    """
    updates = found.updates
    per_update = found.rollouts_per_step // found.updates_per_step
    tokens = found.own_rollouts * found.max_new_tokens
    facts = (
        Fact(
            "rollouts_per_step",
            found.rollouts_per_step,
            f"{found.rollouts_per_step:,} = {found.prompts_per_step:,} prompts x {found.group_size}",
        ),
        Fact(
            "updates_per_step",
            found.updates_per_step,
            f"{counted(found.updates_per_step, 'update')} of {per_update:,} rollouts",
        ),
        Fact("steps", found.steps, f"{_steps(found)}, {found.epochs:.3g} passes over {found.prompts:,} prompts"),
        Fact("partial_batch", found.prompts % found.prompts_per_step, _epoch_end(found)),
        Fact("rollouts", found.rollouts, f"{found.rollouts:,}"),
        Fact("response_tokens_at_most", tokens, f"{tokens:,}"),
        Fact("updates", updates, is_detail=True),
        Fact("warmup_updates", config.train.warmup_steps, warm_up_shown(config.train, updates)),
        *((_by_budget(found),) if divided is None else divided),
    )
    warnings = [*_repeats(found), *warm_up_warnings(config.train, updates)]
    return Section("batches", facts, tuple(warnings))


def warm_up_warnings(train: TrainSection, updates: int) -> list[str]:
    """Return a warning where the learning rate never gets to its peak.

    Args:
        train: The run's section `train`.
        updates: Optimizer steps of the run.
    """
    if train.warmup_steps < updates:
        return []
    run = counted(updates, "update")
    return [f"train.warmup_steps={train.warmup_steps} is the whole run of {run}: the learning rate only rises"]


def warm_up_shown(train: TrainSection, updates: int) -> str:
    """Return how long the learning rate rises and what it does then.

    Args:
        train: The run's section `train`.
        updates: Optimizer steps of the run.
    """
    if train.warmup_steps >= updates:
        return f"all of {counted(updates, 'update')}"
    share = train.warmup_steps / updates
    return f"{train.warmup_steps:,} of {updates:,} updates ({share:.1%}), then {train.schedule}"


def _by_budget(found: OnlineBatches) -> Fact:
    text = (
        f"{found.micro_batches:,} an update: {found.micro_batch_rows:,} sequences of {found.longest:,} tokens fit "
        f"into {found.token_budget:,}"
    )
    return Fact("micro_batches_at_worst", found.micro_batches, text)


def _steps(found: OnlineBatches) -> str:
    if not found.replayed_steps:
        return f"{found.steps:,}"
    return f"{found.steps:,}: {found.replayed_steps:,} replayed, then {found.own_steps:,} sampled"


def _epoch_end(found: OnlineBatches) -> str:
    """Return what the order of draws does where the data end: the next permutation follows without a gap."""
    rest = found.prompts % found.prompts_per_step
    if found.prompts_per_step > found.prompts:
        return f"none: every batch is more than the {found.prompts:,} prompts and draws some of them again"
    if rest == 0:
        return f"none: {found.prompts:,} prompts are {found.prompts // found.prompts_per_step:,} whole batches"
    return (
        f"none: {found.prompts:,} prompts are {found.prompts // found.prompts_per_step:,} batches and {rest:,} prompts "
        f"over; the next batch takes these and the first {found.prompts_per_step - rest:,} of the next pass"
    )


def _repeats(found: OnlineBatches) -> list[str]:
    if found.prompts_per_step <= found.prompts:
        return []
    times = found.prompts_per_step / found.prompts
    warning = (
        f"rollout.prompts_per_step={found.prompts_per_step} is more than the {found.prompts:,} prompts of the data: "
        f"one batch draws each of them {times:.3g} times"
    )
    return [warning]
