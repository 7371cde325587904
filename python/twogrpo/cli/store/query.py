"""`twogrpo store query`: SQL over the rollouts."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from twogrpo.cli.options import Traceback
from twogrpo.cli.store.place import Where
from twogrpo.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["query"]


def query(
    run: Where,
    sql: Annotated[
        str, typer.Argument(metavar="SQL", help="One SELECT over rollouts, groups and superseded.", show_default=False)
    ],
    *,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Print so many rows at most.")] = 40,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Write every row into a .csv, .jsonl or .parquet file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that --out names.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print every row as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every row, as a JSON list.")] = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Run one SQL query over the rollouts and print its rows.

    For example: twogrpo store query runs/online "select step, avg(reward) from rollouts group by step order by step"
    """
    from twogrpo.rollouts.query import query_store, sql_errors
    from twogrpo.store import RolloutStore
    from twogrpo.table_files import check_target, csv_lines, json_lines, write_table

    if sum((out is not None, as_csv, as_json)) > 1:
        raise ConfigError("--out, --csv and --json each say where the rows go; give one of them")
    if out is not None:
        check_target(out, "--out", kinds=(".csv", ".jsonl", ".parquet"), force=force)
    store = RolloutStore.open(run)
    found = query_store(store, sql)
    with sql_errors(store):
        if out is not None:
            write_table(found, out, "--out")
        elif as_csv:
            _print_bytes(csv_lines(found))
        elif as_json:
            _print_bytes(_json_list(json_lines(found)))
        else:
            _print_rows(found, rows)


def _print_bytes(chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _json_list(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield JSON lines as one list, a row a line."""
    before = b"[\n"
    for chunk in chunks:
        for line in chunk.splitlines():
            yield before + line
            before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _print_rows(found: "pl.LazyFrame", limit: int) -> None:
    """Print the first rows and say how many more there are."""
    from twogrpo.cli.tables import print_table

    shown: list[tuple[object, ...]] = []
    count = 0
    for batch in found.collect_batches():
        shown += batch.head(limit - len(shown)).rows()
        count += batch.height
    print_table(found.collect_schema().names(), shown)
    if count > len(shown):
        print(f"{len(shown):,} of {count:,} rows; --rows {count} prints all", file=sys.stderr)
