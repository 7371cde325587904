"""Rollouts for other programs: rows of the store, chosen and not yet read, for any of the files that polars writes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twogrpo.errors import ConfigError
from twogrpo.rollouts.query import sql_errors

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["export_rollouts"]


def export_rollouts(
    store: "RolloutStore",
    *,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    phase: str | None = None,
    include_superseded: bool = False,
) -> "pl.LazyFrame":
    """Return rollouts as a lazy frame, in the order of the store, with schema v1's columns less `run`.

    Args:
        store: Where they are.
        where: An SQL expression over the columns that is true of the rows to keep, such as `reward = 0`.
        columns: The columns to keep, in this order; by default all.
        phase: Rows of this phase alone.
        include_superseded: Also what resumes have moved aside, told apart by a column `is_superseded`.

    Raises:
        ConfigError: The expression cannot be read, or names a column that is not there.
    """
    import polars as pl

    # The hive column repeats run_id.
    rows = store.scan(include_superseded=include_superseded).drop("run")
    if phase is not None:
        rows = rows.filter(pl.col("phase") == phase)
    if where is not None:
        with sql_errors(store, f"--where {where}"):
            rows = rows.filter(pl.sql_expr(where))
            rows.collect_schema()
    if columns:
        _refuse_repeated(columns)
        with sql_errors(store, f"--columns {','.join(columns)}"):
            rows = rows.select(columns)
            rows.collect_schema()
    return rows


def _refuse_repeated(columns: Sequence[str]) -> None:
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise ConfigError(f"--columns names {', '.join(repeated)} twice; a file has each column once")
