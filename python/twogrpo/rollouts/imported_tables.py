"""Imported rollouts as a table of the store, verified where a row says no reward."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twogrpo import _core
from twogrpo.rollouts.group_ids import group_id
from twogrpo.verifier import verifier_name, verify_batch

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.config.sampling import RewardSection
    from twogrpo.rollouts.logged_rows import LoggedRollout

__all__ = ["Placed", "verified_table"]


@dataclass(frozen=True)
class Placed:
    """A rollout with the place of its group in the step, and its own in the group."""

    rollout: "LoggedRollout"
    group: int
    member: int


def verified_table(step: int, rows: Sequence[Placed], reward: "RewardSection") -> "pl.DataFrame":
    """Return the rows of a step with the columns of schema v1 that any of them has.

    Args:
        step: Their step.
        rows: The rows.
        reward: How a response without a reward is verified.
    """
    table = _table(step, rows)
    bare = [row for row, placed in enumerate(rows) if not placed.rollout.is_scored]
    return _with_verdicts(table, rows, bare, reward) if bare else table


def _with_verdicts(
    table: "pl.DataFrame", rows: Sequence[Placed], bare: list[int], reward: "RewardSection"
) -> "pl.DataFrame":
    """Return the table with verdicts in some rows."""
    import polars as pl

    verdicts = verify_batch(
        table["response"].gather(bare).cast(pl.String),
        [list(rows[row].rollout.golds) for row in bare],
        profile=reward.profile,
        extract=reward.extract,
    )
    name = verifier_name(reward.profile, reward.extract)
    verdicts = verdicts.with_columns(verifier=pl.lit(name), row=pl.Series(bare, dtype=pl.UInt32))
    joined = table.with_row_index("row").join(verdicts, on="row", how="left", suffix="_given", maintain_order="left")
    both = [name for name in verdicts.columns if f"{name}_given" in joined.columns]
    is_bare = pl.col("row").is_in(bare)
    filled = (pl.when(is_bare).then(f"{name}_given").otherwise(name).alias(name) for name in both)
    return joined.with_columns(filled).drop("row", *(f"{name}_given" for name in both))


def _table(step: int, rows: Sequence[Placed]) -> "pl.DataFrame":
    """Return rows as the columns of schema v1 that any of them has."""
    import polars as pl

    known = pl.DataFrame(_core.store_schema([])).schema
    records = list(_records(step, rows))
    names = dict.fromkeys(name for record in records for name in record)
    schema = {name: known.get(name, pl.Float32()) for name in names}
    return pl.DataFrame(records, schema=schema)


def _records(step: int, rows: Sequence[Placed]) -> Iterator[dict[str, Any]]:
    for placed in rows:
        rollout = placed.rollout
        golds = {"gold": next(iter(rollout.golds), None), "gold_alternatives": list(rollout.golds[1:]) or None}
        yield {
            "group_id": group_id(step, placed.group),
            "rollout_idx": placed.member,
            "prompt": rollout.prompt,
            "response": rollout.response,
            "reward": rollout.reward,
            **(golds if rollout.golds else {}),
            **rollout.columns,
        }
