"""Preference pairs from stored rollouts, and packed micro-batches from items: a thin face of the Rust core.

A pair is two rollout ids, never a copy of text. A plan is a pure function of items, seed and epoch, the same on every
machine, so that its state is its hash and the index of an optimizer step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from twogrpo import _core
from twogrpo.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["BatchPlan", "PairCounts", "PairSpec", "build_pairs", "pair_counts", "plan_batches"]

_SEEDS = 2**64
_MAX_TOKENS = 2**32 - 1
_PHASES = ("train", "imported")
_REQUIRED = ("rollout_id", "group_id", "reward")


class ArrowTable(Protocol):
    """A table that speaks the Arrow C stream: polars, pyarrow, pandas, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the stream's capsule."""


class Scannable(Protocol):
    """A rollout store, or anything else that gives its rollouts as a lazy frame."""

    def scan(self) -> "pl.LazyFrame":
        """Return the rollouts."""


@dataclass(frozen=True)
class PairSpec:
    """Which pairs are built.

    Attributes:
        strategy: `one_random` decided pair a group, `all` of them, or the `best_worst`.
        margin: Rewards of a pair differ by more than this; ties never pair.
        max_per_prompt: Most pairs of one prompt over all its groups; by default 4 where groups are larger than two.
        max_per_rollout: Most pairs that one rollout stands in.
        cut_responses: Responses cut at the token limit: `include`, `exclude` or `only_rejected`.
        length_ratio_max: Longer response over shorter one, at most.
        seed: Seed of the random choices and of the order.
    """

    strategy: Literal["one_random", "all", "best_worst"] = "one_random"
    margin: float = 0.0
    max_per_prompt: int | None = None
    max_per_rollout: int | None = None
    cut_responses: Literal["include", "exclude", "only_rejected"] = "include"
    length_ratio_max: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("max_per_prompt", "max_per_rollout"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise ConfigError(f"pairs.{name}={limit} is out of range; expected at least 1, or none for no limit")
        if not 0 <= self.seed < _SEEDS:
            raise ConfigError(f"pairs.seed={self.seed} is out of range; expected 0 to 2^64 - 1")
        _core.check_pair_spec(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the rollouts without which this spec cannot be kept."""
        cut = () if self.cut_responses == "include" else ("finish_reason",)
        length = () if self.length_ratio_max is None else ("response_len",)
        return (*_REQUIRED, *cut, *length)


@dataclass(frozen=True)
class PairCounts:
    """Groups by what they are good for; tied + inert + decided = groups.

    Attributes:
        groups: All groups.
        tied: Every reward is the same.
        inert: A reward failed, or training set the group aside.
        decided: Two rewards differ.
        pairs: Two rollouts of one group with different rewards: what there is before a spec chooses and limits.
    """

    groups: int
    tied: int
    inert: int
    decided: int
    pairs: int


@dataclass(frozen=True)
class BatchPlan:
    """Optimizer steps of micro-batches under a token budget.

    Attributes:
        table: One row an item that is trained on: optimizer_step, rank, micro_batch, item_id.
        denominators: One row an optimizer step, over all of its items: rollouts, tokens, skipped_rollouts,
            skipped_tokens, dropped_rollouts, and the micro_batches of each rank.
        hash: Changes whenever anything in the plan does.
    """

    table: "pl.DataFrame"
    denominators: "pl.DataFrame"
    hash: str

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
        rows = self.table[first:end]
        mine = rows.filter(rows["rank"] == rank)
        for batch, item_id in mine.select("micro_batch", "item_id").iter_rows():
            batches[batch].append(item_id)
        return batches


def build_pairs(rollouts: "Scannable | pl.LazyFrame | ArrowTable", spec: PairSpec) -> "pl.DataFrame":
    """Return the pairs that some rollouts make, in the order of a hash of seed and pair.

    Only rollouts of phase `train` or `imported` are read. Groups are rows of equal run_id, attempt and group_id. A
    group with a failed reward or an inert row makes no pair, nor do equal rewards. The order of rows has no say.

    Args:
        rollouts: A store, a polars frame, or any Arrow table with rollout_id, group_id and reward; further columns of
            the store's schema are used where they are there.
        spec: Which pairs.

    Returns:
        Columns pair_id (int64), chosen_rollout_id and rejected_rollout_id (int64), prompt_id (string), margin (float64,
        above 0) and staleness (int32, policy versions between the two, null where unknown).

    Raises:
        DataError: A column that the spec needs is missing, or has nulls; or a rollout_id occurs twice.
    """
    import polars as pl

    rows = _rollout_rows(rollouts, spec.columns)
    built = pl.DataFrame(_core.build_pairs(_core_rows(rows), spec))
    chosen, rejected = rows[built["chosen"]], rows[built["rejected"]]
    return pl.DataFrame(
        {
            "pair_id": built["pair_id"],
            "chosen_rollout_id": chosen["rollout_id"],
            "rejected_rollout_id": rejected["rollout_id"],
            "prompt_id": chosen["prompt_id"],
            "margin": built["margin"],
            "staleness": built["staleness"],
        }
    )


def pair_counts(rollouts: "Scannable | pl.LazyFrame | ArrowTable") -> PairCounts:
    """Return how many groups are tied, inert and decided; arguments and errors as in `build_pairs`."""
    return PairCounts(*_core.count_groups(_core_rows(_rollout_rows(rollouts, _REQUIRED))))


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

    Args:
        items: An Arrow table: item_id (unique), length in tokens, and where they are there advantage, pair_id (equal
            ones share an optimizer step) and loss_tokens (what the item adds to the denominator; by default length).
        token_budget: Most tokens of a micro-batch.
        rollouts_per_step: Items of an optimizer step, skipped ones included; by default all of them.
        ranks: Processes that train side by side.
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
    table, denominators, plan_hash = _core.plan_batches(
        _core_items(_frame(items)),
        token_budget=min(token_budget, _MAX_TOKENS),
        rollouts_per_step=rollouts_per_step,
        ranks=ranks,
        seed=seed % _SEEDS,
        epoch=epoch,
        oversize=oversize,
    )
    return BatchPlan(pl.DataFrame(table), pl.DataFrame(denominators), plan_hash)


def _frame(table: Any) -> "pl.DataFrame":  # noqa: ANN401  # anything that polars reads
    import polars as pl

    if isinstance(table, pl.LazyFrame):
        return table.collect()
    return table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)


def _rollout_rows(rollouts: Any, needed: Sequence[str]) -> "pl.DataFrame":  # noqa: ANN401  # a store, a frame, a table
    """Return the columns that pairs are made from, one row a rollout of training, absent ones filled with null."""
    import polars as pl

    lazy = rollouts.scan() if hasattr(rollouts, "scan") else rollouts
    lazy = lazy if isinstance(lazy, pl.LazyFrame) else _frame(lazy).lazy()
    present = set(lazy.collect_schema().names())
    missing = [name for name in needed if name not in present]
    if missing:
        raise DataError(f"rollouts lack {', '.join(missing)}; columns found: {', '.join(sorted(present)) or 'none'}")
    if "phase" in present:
        lazy = lazy.filter(pl.col("phase").is_in(_PHASES))
    types = {
        "rollout_id": pl.Int64,
        "group_id": pl.Int64,
        "reward": pl.Float64,
        "run_id": pl.String,
        "attempt": pl.Int32,
        "prompt_id": pl.String,
        "is_inert": pl.Boolean,
        "finish_reason": pl.String,
        "response_len": pl.UInt32,
        "policy_version": pl.Int32,
    }
    columns = [
        (pl.col(name) if name in present else pl.lit(None)).cast(kind).alias(name) for name, kind in types.items()
    ]
    rows = _collect(lazy.select(columns), "rollouts")
    for name in needed:
        # A failed reward is a fact about its rollout; anything else that is missing is a fault of the table.
        if name not in {"reward", "finish_reason"} and rows[name].has_nulls():
            raise DataError(f"rollouts have {rows[name].null_count()} rows without {name}; expected it in every row")
    return rows


def _core_rows(rows: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    group = pl.struct("run_id", "attempt", "group_id").rank("dense").cast(pl.UInt64)
    # Without an identity of prompts, every group counts as a prompt of its own.
    prompt = pl.col("prompt_id").rank("dense").cast(pl.UInt64) if rows["prompt_id"].null_count() == 0 else group
    return rows.select(
        group.alias("group"),
        prompt.alias("prompt"),
        "rollout_id",
        "reward",
        pl.col("is_inert").fill_null(value=False),
        (pl.col("finish_reason") == "length").fill_null(value=False).alias("is_cut"),
        pl.col("response_len").fill_null(0).alias("length"),
        "policy_version",
    )


def _core_items(items: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    missing = [name for name in ("item_id", "length") if name not in items.columns]
    if missing:
        raise DataError(f"items lack {', '.join(missing)}; columns found: {', '.join(items.columns) or 'none'}")
    has = set(items.columns)
    loss_tokens = "loss_tokens" if "loss_tokens" in has else "length"
    for name in ("item_id", "length", loss_tokens):
        if items[name].has_nulls():
            raise DataError(f"items have {items[name].null_count()} rows without {name}; expected it in every row")
    advantage = pl.col("advantage") if "advantage" in has else pl.lit(None)
    columns = items.lazy().select(
        pl.col("item_id").cast(pl.Int64),
        pl.col("length").cast(pl.UInt32),
        pl.col(loss_tokens).cast(pl.UInt32).alias("loss_tokens"),
        (pl.col("pair_id") if "pair_id" in has else pl.lit(None)).cast(pl.Int64).alias("pair_id"),
        (advantage != 0).fill_null(value=True).alias("contributes"),
    )
    return _collect(columns, "items")


def _collect(lazy: "pl.LazyFrame", name: str) -> "pl.DataFrame":
    """Return the rows of columns that are cast to what the core reads."""
    import polars as pl

    try:
        return lazy.collect()
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError) as error:
        reason = str(error).splitlines()[0]
        msg = f"{name} have a column of the wrong type or range ({reason}); expected the types of the store's schema"
        raise DataError(msg) from error
