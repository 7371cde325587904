"""`twogrpo store compact`: the same rollouts in few large files."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

__all__ = ["compact"]


def compact(
    run: Where,
    *,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Folder of the new store, not there yet.", show_default=False)
    ],
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Write a new store of 64 steps a file.

    It is only read; the old one stays as it is.
    """
    from twogrpo.rollouts.compaction import compact as compact_store
    from twogrpo.store import RolloutStore

    done = compact_store(RolloutStore.open(run), to)
    if as_json:
        print_json({**asdict(done), "path": str(done.path)})
        return
    print(
        f"{to}: {done.segments_before:,} segments are now {done.segments_after:,}, {done.rows:,} rollouts, "
        f"{done.bytes_before:,} bytes are now {done.bytes_after:,}"
    )
    if done.verdicts:
        print(f"copied with them: {done.verdicts:,} verdicts of `store reverify --write`")
    if done.superseded_segments:
        print(f"left out: {done.superseded_rows:,} superseded rollouts in {done.superseded_segments:,} segments")
    if done.lost:
        print(f"lost before: {done.lost:,} segments; `twogrpo store check` names them")
