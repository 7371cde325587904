"""Which rollouts of a batch meet in which forward pass: a group's together, so that their prompt is computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from twogrpo.objectives import contributes
from twogrpo.pairs import BatchPlan, plan_batches

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.config import OnlineConfig
    from twogrpo.train.collect import RolloutBatch

__all__ = ["UpdatePlan"]

Counts = NDArray[np.int64]


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
        prompts_P1 = np.array([[len(draw.prompt.token_ids)] for draw in rollouts.draws])
        responses_B = np.array([len(ids) for ids in rollouts.generation.response_ids])
        # Which rollouts may be left out is for the objective to say.
        is_needed_B = contributes(rollouts.advantages_B).numpy()
        computed_B = (prompts_P1 + responses_B.reshape(-1, size)).ravel() * is_needed_B
        bundles_NS = np.arange(len(responses_B)).reshape(-1, size)
        if config.objective.ties == "drop":
            bundles_NS = bundles_NS[rollouts.is_decided_P.numpy()]
        if computed_B[bundles_NS].sum(axis=1).max(initial=0) > budget:
            bundles_NS, size = bundles_NS.reshape(-1, 1), 1
        items = _items(
            lengths=computed_B[bundles_NS].sum(axis=1),
            loss_tokens=responses_B[bundles_NS].sum(axis=1),
            groups=bundles_NS[:, 0] // rollouts.group_size,
        )
        needed = is_needed_B.tolist()
        members = [[row for row in rows if needed[row]] for rows in bundles_NS.tolist()]
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


def _items(*, lengths: Counts, loss_tokens: Counts, groups: Counts) -> "pl.DataFrame":
    """Return bundles as the planner takes them; those without a member to compute have length and advantage 0."""
    import polars as pl

    return pl.DataFrame(
        {
            "item_id": np.arange(len(lengths)),
            "length": lengths,
            "advantage": lengths > 0,
            "pair_id": groups,
            "loss_tokens": loss_tokens,
        }
    )
