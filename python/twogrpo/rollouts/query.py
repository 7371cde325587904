"""SQL over a rollout store, by polars. A query reads and never writes.

Its tables are `rollouts`, `superseded` and `groups`. polars' own functions, such as read_csv('labels.csv'), are there
as well: a query reads what its user may read, so it is not to be taken from people who may not.
"""

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twogrpo.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["query_store", "sql_errors"]

TABLES = ("rollouts", "groups", "superseded")
# polars takes these for a query's own tables, where they change nothing that lasts.
_CHANGES = ("create", "delete", "drop", "truncate")


def query_store(store: "RolloutStore", sql: str) -> "pl.LazyFrame":
    """Return the rows of one SQL query, not yet read.

    Args:
        store: What is queried. `rollouts` has the columns of `RolloutStore.scan`, `superseded` the same of what resumes
            have moved aside, and `groups` one row a group: run_id, attempt, step, phase, group_id, dataset, prompt_id,
            prompt, gold, rollouts (how many), reward_mean, reward_min, reward_max, failed (how many rewards) and
            is_tied (all rewards equal; null where one failed).
        sql: One statement of polars' SQL.

    Raises:
        ConfigError: The statement cannot be read, or names a table or column that is not there.
    """
    import polars as pl

    words = sql.split(maxsplit=1)
    if not words:
        raise ConfigError(
            'the query is empty; write for example "select step, avg(reward) from rollouts group by step"'
        )
    if words[0].lower() in _CHANGES:
        raise ConfigError(f"a query only reads, and {words[0].upper()} would change the store; write SELECT")
    rollouts = store.scan()
    tables = {"rollouts": rollouts, "groups": _groups(rollouts)}
    # Only where it is named, as it makes every footer be read once more.
    if "superseded" in sql.lower():
        tables["superseded"] = store.scan(include_superseded=True).filter("is_superseded").drop("is_superseded")
    with sql_errors(store):
        found = pl.SQLContext(tables).execute(sql, eager=False)
        found.collect_schema()
    return found


@contextmanager
def sql_errors(store: "RolloutStore", what: str = "query") -> Iterator[None]:
    """Turn what polars raises while a query is made or run into one line that begins with `what`.

    Raises:
        ConfigError: The query is wrong.
        StoreError: A segment is damaged.
    """
    import polars as pl

    try:
        yield
    except (ConfigError, StoreError):
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, FileNotFoundError) as error:
        text = str(error).split("\n", 1)[0]
        # A query that was understood fails on Parquet only where bytes are damaged; some damage makes polars panic.
        if text.startswith("parquet:") or isinstance(error, pl.exceptions.PanicException):
            raise StoreError(
                f"{store.path}: a segment cannot be read ({text}); `twogrpo store check --deep` names it"
            ) from error
        raise ConfigError(f"{what}: {_explain(error)}") from error


def _groups(rollouts: "pl.LazyFrame") -> "pl.LazyFrame":
    import polars as pl

    reward, failed = pl.col("reward"), pl.col("reward").is_null()
    return rollouts.group_by("run_id", "attempt", "step", "phase", "group_id", maintain_order=True).agg(
        pl.col("dataset", "prompt_id", "prompt", "gold").first(),
        rollouts=pl.len(),
        reward_mean=reward.mean(),
        reward_min=reward.min(),
        reward_max=reward.max(),
        failed=failed.sum(),
        is_tied=pl.when(~failed.any()).then(reward.min() == reward.max()),
    )


def _explain(error: BaseException) -> str:
    """Return the first line of what polars says, without its plan, and the near names where one is unknown."""
    import polars as pl

    text = str(error).strip()
    first = text.split("\n", 1)[0].removeprefix("sql parser error: ")
    if isinstance(error, pl.exceptions.ColumnNotFoundError):
        wrong, *known = re.findall(r'"([^"]+)"', first) or [first]
        hint = _near(wrong, known) or "`twogrpo store query RUN 'select * from rollouts'` shows every column"
        return f"there is no column {wrong}; {hint}"
    table = re.match(r"relation '(.+?)' was not found", first)
    if table:
        hint = _near(table[1], TABLES) or f"the tables are {', '.join(TABLES)}"
        return f"there is no table {table[1]}; {hint}"
    if first.startswith("statement type is not supported"):
        return "only SELECT is understood; a query reads and does not change the store"
    if first.startswith("one (and only one) statement"):
        return "expected one statement; give each its own query"
    return first


def _near(wrong: str, known: "list[str] | tuple[str, ...]") -> str:
    close = difflib.get_close_matches(wrong, known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""
