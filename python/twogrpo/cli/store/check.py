"""`twogrpo store check`: whether a store is whole, and what can be mended if not."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twogrpo.store import Recovery

__all__ = ["check"]

DAMAGED = 3


def check(
    run: Where,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read and decode every page.")] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="First mend what can be mended, and move damaged files to _quarantine; nothing is deleted.",
        ),
    ] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> int:
    """Check every segment; exit 3 if anything is damaged.

    --repair writes a lost store.json and lost lines of the log anew from the segments; with --deep it also moves
    segments to _quarantine whose bytes are not those that were written. What a living process writes is left alone.
    """
    from twogrpo.store import RolloutStore

    done = RolloutStore.repair(run, deep=deep) if repair else None
    report = RolloutStore.open(run).check(deep=deep)
    if as_json:
        problems = [{**asdict(problem), "path": str(problem.path)} for problem in report.problems]
        found = {**asdict(report), "problems": problems, "ok": report.ok}
        print_json(found | ({"repair": asdict(done)} if done else {}))
        return 0 if report.ok else DAMAGED
    for line in _done(done) if done else ():
        print(line)
    for problem in report.problems:
        print(problem)
    state = "ok" if report.ok else f"{len(report.problems)} problems"
    print(f"{state}: {report.segments} segments, {report.rows:,} rows, {report.bytes:,} bytes")
    return 0 if report.ok else DAMAGED


def _done(done: "Recovery") -> "Iterator[str]":
    """Yield what a repair did, one line a kind of thing, or a damaged file."""
    if done.rewrote_marker:
        yield "written anew: _twogrpo/store.json"
    if done.removed_temporaries:
        yield f"removed: {done.removed_temporaries:,} temporary files of writers that died"
    if done.damaged_lines:
        yield f"moved to _quarantine: {done.damaged_lines:,} damaged lines of the log"
    for segment in done.quarantined:
        yield f"moved to _quarantine: {segment}"
    if done.relogged:
        yield f"logged again: {len(done.relogged):,} segments"
    for writer in done.skipped:
        yield f"left alone: {writer}, which a living process writes"
