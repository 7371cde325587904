"""Preference pairs from stored rollouts: a thin face of the Rust core. A pair is two rollout ids, never a copy of text.

Rollouts are streamed, and a few numbers of each are kept: about 90 bytes a rollout, 105 with pairs across steps, so
that ten million are paired in 1 GB beside what the process holds anyway. The batches that pairs are trained in are
planned by `plan_batches`, which stands here as well.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from twogrpo import _core
from twogrpo.argument_checks import check_number, check_type, check_whole
from twogrpo.batch_plans import ArrowTable, BatchPlan, plan_batches
from twogrpo.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["BatchPlan", "PairCounts", "PairSpec", "build_pairs", "pair_counts", "plan_batches"]

_PHASES = ("train", "imported")
_REQUIRED = ("rollout_id", "group_id", "reward")
# Where the key is set, rollouts without the column never pair, and one of them at least has to have it.
_ASKED_FOR = {
    "max_staleness": "policy_version",
    "same_model": "model_id",
    "cross_step": "prompt_id",
    "dedupe": "response_ids",
}
_RANGES = {"max_staleness": (0, 2**32 - 1), "max_per_prompt": (1, 2**64 - 1), "max_per_rollout": (1, 2**64 - 1)}
_SEEDS = (0, 2**64 - 1)


class Scannable(Protocol):
    """A rollout store, or anything else that gives its rollouts as a lazy frame."""

    def scan(self) -> "pl.LazyFrame":
        """Return the rollouts."""


@dataclass(frozen=True)
class PairSpec:
    """Which pairs are built.

    Every group makes one pair of those that the other fields allow, the one that `strategy` looks for; ties between
    pairs are broken by a hash of seed and pair. On rewards of 0 and 1 all margins are equal: `best_worst`,
    `best_random`, `sweet_spot` and `hardest` then differ from `one_random` in nothing but the draw.

    Attributes:
        strategy: `one_random`: any pair. `all`: every pair. `best_worst`: the widest margin. `best_random`: the best
            rollout against any below it. `sweet_spot`: the best against the one whose reward is nearest to the group's
            mean less two standard deviations (arXiv 2502.16825, where the worst does harm in large groups). `hardest`:
            the smallest margin between stored rewards. `nearest_length`: the smallest difference in tokens.
        margin: Rewards of a pair differ by more than this; ties never pair.
        cross_step: A rollout may also pair with those of earlier draws of its prompt: every draw, a tied one too, makes
            a pair with one rollout of its own at least. The nearest draws in policy version are looked at, up to 64
            rollouts, so that prompts that are drawn often cost no more a rollout. Prompts are one if prompt_id and,
            where they are stored, prompt_ids are equal.
        max_staleness: Most policy versions between the two rollouts (those of their first tokens). Versions are counted
            within a run: across runs, and where one is unknown, they never pair.
        same_model: Both rollouts have the same model_id; where it is unknown, they never pair.
        dedupe: Responses of equal token ids count once in what a group chooses from, and two responses make one pair of
            a prompt. Reads the token ids, which are most of a store.
        max_per_prompt: Most pairs of one prompt over all its groups; by default 4 where groups are larger than two, and
            with `all` across steps.
        max_per_rollout: Most pairs that one rollout stands in.
        cut_responses: Responses cut at the token limit: `include`, `exclude` or `only_rejected`.
        length_ratio_max: Longer response over shorter one, at most.
        seed: Seed of the random choices and of the order.
    """

    strategy: Literal["one_random", "all", "best_worst", "best_random", "sweet_spot", "hardest", "nearest_length"] = (
        "one_random"
    )
    margin: float = 0.0
    cross_step: bool = False
    max_staleness: int | None = None
    same_model: bool = False
    dedupe: bool = False
    max_per_prompt: int | None = None
    max_per_rollout: int | None = None
    cut_responses: Literal["include", "exclude", "only_rejected"] = "include"
    length_ratio_max: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None:
                check_whole(f"pairs.{name}", value, least=least, most=most, otherwise=", or none for no limit")
        check_whole("pairs.seed", self.seed, least=_SEEDS[0], most=_SEEDS[1])
        check_number("pairs.margin", self.margin)
        if self.length_ratio_max is not None:
            check_number("pairs.length_ratio_max", self.length_ratio_max)
        for name in ("cross_step", "same_model", "dedupe"):
            check_type(f"pairs.{name}", getattr(self, name), bool, "true or false")
        for name in ("strategy", "cut_responses"):
            check_type(f"pairs.{name}", getattr(self, name), str, "a name")
        _core.check_pair_spec(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the rollouts without which this spec cannot be kept."""
        cut = () if self.cut_responses == "include" else ("finish_reason",)
        needs_length = self.length_ratio_max is not None or self.strategy == "nearest_length"
        return (*_REQUIRED, *cut, *(("response_len",) if needs_length else ()), *self.asked_for)

    @property
    def asked_for(self) -> dict[str, str]:
        """The field that asks for each column which rollouts may lack, but not all of them."""
        values = {name: getattr(self, name) for name in _ASKED_FOR}
        # A limit of 0 is one.
        is_set = {name for name, value in values.items() if value is not None and value is not False}
        return {_ASKED_FOR[name]: f"{name}={value}".lower() for name, value in values.items() if name in is_set}


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
        DataError: A column that the spec needs is missing, or has nulls; a rollout_id occurs twice; or a group has
            rollouts of several prompts.
    """
    import polars as pl

    return pl.DataFrame(_read(rollouts, spec.columns, spec.asked_for).pairs(spec))


def pair_counts(rollouts: "Scannable | pl.LazyFrame | ArrowTable") -> PairCounts:
    """Return how many groups are tied, inert and decided; arguments and errors as in `build_pairs`."""
    return PairCounts(*_read(rollouts, _REQUIRED, {}).counts())


def _read(rollouts: Any, needed: Sequence[str], asked_for: dict[str, str]) -> _core.PairRows:  # noqa: ANN401  # a store, a frame, a table
    """Return what pairs are made from, of rollouts of training; columns that are absent count as null."""
    import polars as pl

    lazy = rollouts.scan() if hasattr(rollouts, "scan") else rollouts
    lazy = lazy if isinstance(lazy, pl.LazyFrame) else pl.DataFrame(lazy).lazy()
    present = set(lazy.collect_schema().names())
    missing = [name for name in needed if name not in present]
    if missing:
        raise DataError(f"rollouts lack {', '.join(missing)}; columns found: {', '.join(sorted(present)) or 'none'}")
    if "phase" in present:
        lazy = lazy.filter(pl.col("phase").is_in(_PHASES))
    rows, read, nulls = _core.PairRows(), 0, Counter[str]()
    try:
        # Batches in any order: the order of rows has no say.
        for batch in lazy.select(_columns(present, asked_for)).collect_batches(maintain_order=False):
            rows.add(batch)
            read += batch.height
            nulls.update({name: batch[name].null_count() for name in batch.columns})
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError) as error:
        reason = str(error).splitlines()[0]
        msg = f"rollouts have a column of the wrong type or range ({reason}); expected the types of the store's schema"
        raise DataError(msg) from error
    for name in needed:
        if name in asked_for and nulls[name] == read > 0:
            raise DataError(f"no rollout has {name}, which pairs.{asked_for[name]} asks for; leave that key unset")
        # A failed reward is a fact about its rollout; anything else that is missing is a fault of the table.
        if name not in {"reward", "finish_reason", *asked_for} and nulls[name]:
            raise DataError(f"rollouts have {nulls[name]} rows without {name}; expected it in every row")
    return rows


def _columns(present: set[str], asked_for: dict[str, str]) -> "list[pl.Expr]":
    import polars as pl

    types: dict[str, Any] = {
        "rollout_id": pl.Int64,
        "group_id": pl.Int64,
        "reward": pl.Float64,
        "run_id": pl.String,
        "attempt": pl.Int32,
        "prompt_id": pl.String,
        "model_id": pl.String,
        "response_len": pl.UInt32,
        "policy_version": pl.Int32,
        "is_inert": pl.Boolean,
    }
    # Token ids are most of a store: they are read only where they are asked for.
    ids = {"response_ids": "response_ids", "prompt_id": "prompt_ids"}
    types |= {ids[name]: pl.List(pl.Int32) for name in asked_for if name in ids and ids[name] in present}
    columns = [
        (pl.col(name) if name in present else pl.lit(None)).cast(kind).alias(name) for name, kind in types.items()
    ]
    reason = pl.col("finish_reason") if "finish_reason" in present else pl.lit(None, pl.String)
    return [*columns, (reason.cast(pl.String) == "length").alias("is_cut")]
