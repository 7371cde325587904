"""`twogrpo store export`: rollouts into a file that other programs read."""

import sys
from typing import Annotated

import typer

from twogrpo.cli.options import Traceback
from twogrpo.cli.store.place import Where
from twogrpo.row_files import STREAM

__all__ = ["export"]


def export(
    run: Where,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help=".jsonl, .parquet or .csv; - is JSON on stdout.", show_default=False),
    ],
    *,
    where: Annotated[
        str | None, typer.Option("--where", metavar="SQL", help='Rows to keep, such as "reward = 0 and step > 9".')
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B", help="Columns to keep; by default all.")
    ] = None,
    phase: Annotated[str | None, typer.Option("--phase", help="Rows of train, eval, replay or imported alone.")] = None,
    include_superseded: Annotated[
        bool, typer.Option("--include-superseded", help="Also what resumes have moved aside.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Write rollouts into a file, a row each.

    Lists are JSON text in a .csv file. For preference pairs with the columns that TRL and OpenRLHF read, see
    `twogrpo pairs RUN --export FILE`.
    """
    import polars as pl

    from twogrpo.rollouts.export import export_rollouts
    from twogrpo.rollouts.query import sql_errors
    from twogrpo.store import RolloutStore
    from twogrpo.table_files import check_target, write_table

    check_target(file, "FILE", kinds=(".jsonl", ".parquet", ".csv"), force=force)
    store = RolloutStore.open(run)
    names = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
    rows = export_rollouts(store, where=where, columns=names, phase=phase, include_superseded=include_superseded)
    with sql_errors(store):
        count = rows.select(pl.len()).collect().item()
        write_table(rows, file, "FILE")
    where_to = "stdout" if file == STREAM else file
    print(f"{count:,} rollouts written to {where_to}", file=sys.stderr if file == STREAM else sys.stdout)
