"""`twogrpo store info` and `check`: what a rollout store holds, and whether it is whole."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from twogrpo.cli.options import Json, Traceback, help_without_command, print_json

__all__ = ["app"]

app = typer.Typer(help="Look into a rollout store.", invoke_without_command=True, callback=help_without_command)

Where = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a store.", show_default=False)]
DAMAGED = 3


@app.command("info")
def info(
    run: Where,
    *,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print runs, rows, steps, bytes, tie rate and mean reward."""
    from twogrpo.store import RolloutStore

    found = asdict(RolloutStore.open(run).info())
    if as_json:
        print_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<{width}}  {_shown(value)}")


@app.command("check")
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


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
