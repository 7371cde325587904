"""Packed micro-batches from items: a thin face of the Rust core.

A plan is a pure function of items, seed and epoch, the same on every machine and for any number of threads.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Protocol

from twogrpo import _core
from twogrpo.argument_checks import check_type, check_whole
from twogrpo.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ArrowTable", "BatchPlan", "plan_batches"]

_SEEDS = 2**64
_MAX_TOKENS = 2**32 - 1
# So far as the core counts.
_MOST = 2**64 - 1
_MAX_RANKS = 2**16


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
        ranks: Processes that train side by side.
    """

    table: "pl.DataFrame"
    denominators: "pl.DataFrame"
    hash: str
    steps_hash: str
    ranks: int

    @property
    def steps(self) -> int:
        """Optimizer steps, those of nothing but skipped items included."""
        return len(self.denominators)

    @cached_property
    def _bounds(self) -> list[int]:
        """The row of the table with which each step begins, and where the last one ends."""
        left_out = self.denominators["skipped_rollouts"] + self.denominators["dropped_rollouts"]
        return [0, *accumulate((self.denominators["rollouts"] - left_out).to_list())]

    def micro_batches(self, step: int, rank: int = 0) -> list[list[int]]:
        """Return the item ids of each micro-batch of a step on one rank; every rank has as many, possibly empty.

        Args:
            step: Index of the optimizer step, from 0.
            rank: Index of the process, from 0.

        Raises:
            IndexError: There is no such step or rank.
        """
        for name, index, count in (("step", step, self.steps), ("rank", rank, self.ranks)):
            if not 0 <= index < count:
                raise IndexError(f"{name}={index} is not in the plan, which has {count}; expected 0 to {count - 1}")
        batches: list[list[int]] = [[] for _ in range(self.denominators["micro_batches"][step])]
        first, end = self._bounds[step : step + 2]
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
        ranks: Processes that train side by side, at most 65,536. Another number splits the same steps anew.
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

    check_whole("token_budget", token_budget, least=1, most=_MOST)
    check_whole("ranks", ranks, least=1, most=_MAX_RANKS)
    check_whole("epoch", epoch, least=0, most=_MOST)
    if rollouts_per_step is not None:
        check_whole("rollouts_per_step", rollouts_per_step, least=1, most=_MOST, otherwise=", or None for all of them")
    check_type("seed", seed, Integral, "a whole number")
    check_type("oversize", oversize, str, "error or drop")
    table, denominators, plan_hash, steps_hash = _core.plan_batches(
        _pieces(_core_items(items)),
        token_budget=min(token_budget, _MAX_TOKENS),
        rollouts_per_step=rollouts_per_step,
        ranks=ranks,
        seed=int(seed) % _SEEDS,
        epoch=epoch,
        oversize=oversize,
    )
    return BatchPlan(pl.DataFrame(table), pl.DataFrame(denominators), plan_hash, steps_hash, int(ranks))


def _core_items(items: Any) -> "pl.DataFrame":  # noqa: ANN401  # anything that polars reads
    import polars as pl

    # Not every frame as a lazy one: a small table is read in half the time.
    frame = items if isinstance(items, (pl.LazyFrame, pl.DataFrame)) else pl.DataFrame(items)
    present = frame.collect_schema()
    missing = [name for name in ("item_id", "length") if name not in present]
    if missing:
        raise DataError(f"items lack {', '.join(missing)}; columns found: {', '.join(present) or 'none'}")
    kind = present.get("advantage", pl.Null())
    if not (kind.is_numeric() or kind in (pl.Null, pl.Boolean)):
        raise DataError(f"items have an advantage of type {kind}; expected numbers")
    types = {"item_id": pl.Int64, "length": pl.UInt32, "loss_tokens": pl.UInt32, "pair_id": pl.Int64}
    given = [pl.col(name).cast(to) for name, to in types.items() if name in present]
    if "advantage" in present:
        given.append((pl.col("advantage") != 0).fill_null(value=True).alias("contributes"))
    # The core knows what a column is that is absent.
    try:
        rows = frame.select(given).collect() if isinstance(frame, pl.LazyFrame) else frame.select(given)
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError, pl.exceptions.ComputeError) as error:
        reason = str(error).splitlines()[0]
        msg = f"items have a column of the wrong type or range ({reason}); expected the types of the store's schema"
        raise DataError(msg) from error
    for name in ("item_id", "length", "loss_tokens"):
        if name in rows.columns and rows[name].has_nulls():
            raise DataError(f"items have {rows[name].null_count()} rows without {name}; expected it in every row")
    return rows


def _pieces(rows: "pl.DataFrame") -> "list[pl.DataFrame]":
    """Return the rows as frames of one chunk each; a frame of several is copied as a whole when it is handed on."""
    counts = rows["item_id"].chunk_lengths()
    return [rows.slice(start, count) for start, count in zip(accumulate(counts, initial=0), counts, strict=False)]
