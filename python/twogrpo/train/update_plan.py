"""Which rollouts of a batch meet in which forward pass: a group's together, so that their prompt is computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from twogrpo.objectives import contributes
from twogrpo.pairs import BatchPlan, plan_batches

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.config import OnlineConfig
    from twogrpo.train.collect import RolloutBatch

__all__ = ["UpdatePlan"]


@dataclass(frozen=True)
class UpdatePlan:
    """The optimizer steps of one batch, as micro-batches of rows under the token budget.

    Attributes:
        plan: Its items are bundles of rollouts.
        members: The rows of each bundle that contribute to the gradient; the others are not computed.
        bundle_size: Rollouts of a bundle, those that do not contribute included.
    """

    plan: BatchPlan
    members: Sequence[Sequence[int]]
    bundle_size: int

    @classmethod
    def of(cls, rollouts: "RolloutBatch", config: "OnlineConfig", epoch: int) -> Self:
        """Return the plan of a batch; a pure function of batch, configuration and epoch.

        A bundle is a group. Where one of them exceeds the token budget, every rollout is a bundle of its own.

        Raises:
            DataError: A rollout that contributes is longer than the token budget.
        """
        size, budget = rollouts.group_size, config.train.token_budget
        is_counted_P = rollouts.is_decided_P if config.objective.ties == "drop" else rollouts.is_decided_P | True
        # Which rollouts may be left out is for the objective to say.
        needed = set(contributes(rollouts.advantages_B).nonzero().flatten().tolist())
        responses_B = [len(ids) for ids in rollouts.generation.response_ids]
        lengths_B = [len(rollouts.prompt_ids(row)) + response for row, response in enumerate(responses_B)]
        bundles = [range(group * size, (group + 1) * size) for group in is_counted_P.nonzero().flatten().tolist()]
        if any(sum(lengths_B[row] for row in rows if row in needed) > budget for rows in bundles):
            bundles, size = [range(row, row + 1) for rows in bundles for row in rows], 1
        members = [[row for row in rows if row in needed] for rows in bundles]
        items = _items(
            lengths=[sum(lengths_B[row] for row in rows) for rows in members],
            loss_tokens=[sum(responses_B[row] for row in rows) for rows in bundles],
            groups=[rows[0] // rollouts.group_size for rows in bundles],
        )
        update = config.train.rollouts_per_update
        plan = plan_batches(
            items,
            token_budget=budget,
            rollouts_per_step=None if update is None else update // size,
            seed=config.seed,
            epoch=epoch,
        )
        return cls(plan, members, size)

    @property
    def steps(self) -> int:
        """Optimizer steps, those in which nothing contributes included."""
        return self.plan.steps

    def micro_batches(self, step: int) -> list[list[int]]:
        """Return the rows of each forward pass of a step."""
        return [[row for item in items for row in self.members[item]] for items in self.plan.micro_batches(step)]

    def denominators(self, step: int) -> tuple[int, int]:
        """Return the rollouts and the tokens of responses that the loss of a step divides by."""
        counts = self.plan.denominators.row(step, named=True)
        return counts["rollouts"] * self.bundle_size, counts["tokens"]


def _items(*, lengths: list[int], loss_tokens: list[int], groups: list[int]) -> "pl.DataFrame":
    """Return bundles as the planner takes them; those without a member to compute have length and advantage 0."""
    import polars as pl

    return pl.DataFrame(
        {
            "item_id": range(len(lengths)),
            "length": lengths,
            "advantage": [float(length > 0) for length in lengths],
            "pair_id": groups,
            "loss_tokens": loss_tokens,
        },
        schema={
            "item_id": pl.Int64,
            "length": pl.Int64,
            "advantage": pl.Float32,
            "pair_id": pl.Int64,
            "loss_tokens": pl.Int64,
        },
    )
