"""`twogrpo store check`: whether a store is whole."""

from dataclasses import asdict
from typing import Annotated

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

__all__ = ["check"]

DAMAGED = 3


def check(
    run: Where,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read and decode every page.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> int:
    """Check every segment; exit 3 if anything is damaged."""
    from twogrpo.store import RolloutStore

    report = RolloutStore.open(run).check(deep=deep)
    if as_json:
        print_json({**asdict(report), "ok": report.ok})
    else:
        for problem in report.problems:
            print(problem)
        state = "ok" if report.ok else f"{len(report.problems)} problems"
        print(f"{state}: {report.segments} segments, {report.rows:,} rows, {report.bytes:,} bytes")
    return 0 if report.ok else DAMAGED
