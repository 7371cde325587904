"""Packed micro-batches from items: a thin face of the Rust core.

A plan is a pure function of items, seed and epoch, the same on every machine and for any number of threads.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from twogrpo import _core
from twogrpo.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ArrowTable", "BatchPlan", "plan_batches"]

_SEEDS = 2**64
_MAX_TOKENS = 2**32 - 1


class ArrowTable(Protocol):
    """A table that speaks the Arrow C stream: polars, pyarrow, pandas, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the stream's capsule."""


@dataclass(frozen=True)
class BatchPlan:
    """Optimizer steps of micro-batches under a token budget.

    Attributes:
        table: One row an item that is trained on: optimizer_step, rank, micro_batch, item_id.
        denominators: One row an optimizer step, over all of its items: rollouts, tokens, skipped_rollouts,
            skipped_tokens, dropped_rollouts, and the micro_batches of each rank.
        hash: Changes whenever anything in the plan does.
        steps_hash: Changes when the items of a step or its denominators do, and not with the ranks and the token
            budget that split it. With the index of an optimizer step it is the whole state of a plan: who resumes
            plans again, with any number of ranks, compares this hash and goes on at that step.
    """

    table: "pl.DataFrame"
    denominators: "pl.DataFrame"
    hash: str
    steps_hash: str

    @property
    def steps(self) -> int:
        """Optimizer steps, those of nothing but skipped items included."""
        return len(self.denominators)

    def micro_batches(self, step: int, rank: int = 0) -> list[list[int]]:
        """Return the item ids of each micro-batch of a step on one rank; every rank has as many, possibly empty.

        Args:
            step: Index of the optimizer step, from 0.
            rank: Index of the process, from 0.

        Raises:
            IndexError: There is no such step.
        """
        batches: list[list[int]] = [[] for _ in range(self.denominators["micro_batches"][step])]
        first, end = (self.table["optimizer_step"].search_sorted(step, side=side) for side in ("left", "right"))
        names = ("rank", "micro_batch", "item_id")
        for of_rank, batch, item_id in zip(*(self.table[name][first:end].to_list() for name in names), strict=True):
            if of_rank == rank:
                batches[batch].append(item_id)
        return batches


def plan_batches(
    items: "pl.LazyFrame | ArrowTable",
    *,
    token_budget: int,
    rollouts_per_step: int | None = None,
    ranks: int = 1,
    seed: int = 0,
    epoch: int = 0,
    oversize: Literal["error", "drop"] = "error",
) -> BatchPlan:
    """Return optimizer steps of micro-batches, none above the token budget, of equal work over ranks.

    Items whose advantage is exactly 0 are left out of the micro-batches and still counted in their step's
    denominators: use this only with a loss whose every term is multiplied by the advantage.

    A step has as few micro-batches as its tokens allow, rounded up to a multiple of the ranks, and more only where
    the budget would be exceeded. The longest items are dealt out first, each to the micro-batch with the least work,
    where an item of l tokens is l + b l^2 of work with b = 1/8192: attention costs as much again as everything else
    at some 8,000 tokens in models of 0.5 to 7 billion parameters. Work shapes the balance, never the budget.

    Args:
        items: An Arrow table: item_id (unique), length in tokens, and where they are there advantage, pair_id (equal
            ones share an optimizer step) and loss_tokens (what the item adds to the denominator; by default length).
        token_budget: Most tokens of a micro-batch.
        rollouts_per_step: Items of an optimizer step, skipped ones included; by default all of them.
        ranks: Processes that train side by side. Another number splits the same steps anew.
        seed: Seed of the order.
        epoch: Another pass has another order.
        oversize: What an item longer than the budget is: an `error`, or with `drop` left out together with its pair
            and counted in dropped_rollouts.

    Returns:
        The plan; equal arguments give an equal one on every machine.

    Raises:
        ConfigError: A number or name is out of range.
        DataError: A column is missing, an item_id occurs twice, or an item is longer than the budget.
    """
    import polars as pl

    least = {"token_budget": 1, "ranks": 1, "rollouts_per_step": 1, "epoch": 0}
    given = {"token_budget": token_budget, "ranks": ranks, "rollouts_per_step": rollouts_per_step, "epoch": epoch}
    for name, value in given.items():
        if value is not None and value < least[name]:
            raise ConfigError(f"{name}={value} is out of range; expected at least {least[name]}")
    table, denominators, plan_hash, steps_hash = _core.plan_batches(
        _core_items(items),
        token_budget=min(token_budget, _MAX_TOKENS),
        rollouts_per_step=rollouts_per_step,
        ranks=ranks,
        seed=seed % _SEEDS,
        epoch=epoch,
        oversize=oversize,
    )
    return BatchPlan(pl.DataFrame(table), pl.DataFrame(denominators), plan_hash, steps_hash)


def _core_items(items: Any) -> "pl.DataFrame":  # noqa: ANN401  # anything that polars reads
    import polars as pl

    lazy = items if isinstance(items, pl.LazyFrame) else pl.DataFrame(items).lazy()
    present = lazy.collect_schema().names()
    missing = [name for name in ("item_id", "length") if name not in present]
    if missing:
        raise DataError(f"items lack {', '.join(missing)}; columns found: {', '.join(present) or 'none'}")
    has_loss_tokens = "loss_tokens" in present
    advantage = pl.col("advantage") if "advantage" in present else pl.lit(None)
    columns = lazy.select(
        pl.col("item_id").cast(pl.Int64),
        pl.col("length").cast(pl.UInt32),
        *([pl.col("loss_tokens").cast(pl.UInt32)] if has_loss_tokens else []),
        (pl.col("pair_id") if "pair_id" in present else pl.lit(None)).cast(pl.Int64).alias("pair_id"),
        (advantage != 0).fill_null(value=True).alias("contributes"),
    )
    try:
        rows = columns.collect()
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError) as error:
        reason = str(error).splitlines()[0]
        msg = f"items have a column of the wrong type or range ({reason}); expected the types of the store's schema"
        raise DataError(msg) from error
    rows = rows if has_loss_tokens else rows.with_columns(loss_tokens=rows["length"])
    for name in ("item_id", "length", "loss_tokens"):
        if rows[name].has_nulls():
            raise DataError(f"items have {rows[name].null_count()} rows without {name}; expected it in every row")
    return rows
