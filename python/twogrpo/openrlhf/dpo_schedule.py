"""The pairs of a whole training in its order: full batches, whose pairs do not depend on the number of GPUs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.batch_plans import plan_batches

if TYPE_CHECKING:
    from twogrpo.config import DpoConfig
    from twogrpo.train.pair_data import PairData

__all__ = ["PairSchedule", "lay_out"]

_ROW_GROUP = 4096
# A step's pairs do not depend on the budget, which only splits them.
_NO_BUDGET = 2**32 - 1


@dataclass(frozen=True)
class PairSchedule:
    """Which pairs each optimizer step is made on.

    Attributes:
        data: The pairs and their token ids.
        order: Indices into `data`, `pairs_per_step` a step.
        pairs_per_step: Pairs of one optimizer step.
    """

    data: "PairData"
    order: list[int]
    pairs_per_step: int

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return len(self.order) // self.pairs_per_step

    @property
    def longest(self) -> int:
        """Tokens of the longest rollout, prompt included."""
        return int(self.data.lengths_B().max())

    def write(self, path: Path) -> None:
        """Write one row a pair in training order: prompt_ids, chosen_ids and rejected_ids."""
        import polars as pl

        temporary = path.with_name(f".{path.name}.tmp")
        data = self.data
        chosen, rejected = data.rows_N2[self.order].T
        columns = {
            "prompt_ids": data.prompt_ids.gather(data.prompts_B[chosen]),
            "chosen_ids": data.response_ids.gather(chosen),
            "rejected_ids": data.response_ids.gather(rejected),
        }
        pl.DataFrame(columns).write_parquet(temporary, row_group_size=_ROW_GROUP)
        temporary.replace(path)


def lay_out(data: "PairData", config: "DpoConfig") -> PairSchedule:
    """Return the schedule of a training; a pure function of the pairs, the seed and the batch.

    Each epoch is the permutation that the local engine takes. Where the pairs do not fill its last batch the next
    permutation goes on, so that every update is whole; up to there both engines see the same pairs in the same steps.
    A longer training begins with the same steps. Within a step like lengths stand together, which saves padding.

    Args:
        data: The pairs.
        config: The run.
    """
    per_step = (config.train.rollouts_per_update or 2 * len(data)) // 2
    steps = config.train.steps or math.ceil((config.train.epochs or 1) * len(data) / per_step)
    endless = (index for epoch in count() for index in _permutation(data, per_step, config.seed, epoch))
    longer = data.lengths_N2().max(axis=1).tolist()
    order: list[int] = []
    for _ in range(steps):
        order += sorted(islice(endless, per_step), key=lambda index: (-longer[index], index))
    return PairSchedule(data, order, per_step)


def _permutation(data: "PairData", per_step: int, seed: int, epoch: int) -> Iterator[int]:
    plan = plan_batches(data.items(), token_budget=_NO_BUDGET, rollouts_per_step=per_step, seed=seed, epoch=epoch)
    for step in range(plan.steps):
        for rows in plan.micro_batches(step):
            yield from rows
