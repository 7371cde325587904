"""`twogrpo store prune`: frees disk."""

from typing import Annotated

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

__all__ = ["prune"]


def prune(
    run: Where,
    *,
    superseded: Annotated[bool, typer.Option("--superseded", help="Remove what resumes have moved aside.")] = False,
    quarantine: Annotated[bool, typer.Option("--quarantine", help="Remove what stands in the quarantine.")] = False,
    steps_before: Annotated[
        int | None, typer.Option("--steps-before", metavar="N", min=0, help="Choose segments of steps before N.")
    ] = None,
    phase: Annotated[
        str | None, typer.Option("--phase", metavar="NAME", help="Choose segments of train, eval, replay or imported.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="NAME,...", help="Empty these columns instead of removing segments."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, change nothing.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Remove segments or columns to free disk; what goes is gone.

    --steps-before and --phase choose segments, together those that are both. They go whole, or lose only --columns.
    """
    from twogrpo.cli.store.removed import as_words, removal_record
    from twogrpo.rollouts.removal import prune as prune_store
    from twogrpo.store import RolloutStore

    names = [name.strip() for name in columns.split(",")] if columns is not None else []
    removal = prune_store(
        RolloutStore.open(run),
        superseded=superseded,
        quarantine=quarantine,
        steps_before=steps_before,
        phase=phase,
        columns=names,
        dry_run=dry_run,
    )
    if as_json:
        print_json(removal_record(removal, dry_run=dry_run))
    else:
        print(as_words(removal, dry_run=dry_run))
