"""Flags and arguments that several commands share."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from twogrpo.errors import ConfigError

__all__ = [
    "Config",
    "DryRun",
    "Force",
    "Json",
    "Quiet",
    "Resume",
    "Traceback",
    "Verbose",
    "help_without_command",
    "print_json",
    "show_traceback",
    "split",
]

_shown = {"traceback": False}


def show_traceback() -> bool:
    """Return whether --traceback was given."""
    return _shown["traceback"]


def _remember(_context: typer.Context, value: bool) -> bool:  # noqa: FBT001  # typer calls it by position
    _shown["traceback"] = value
    return value


Config = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG.yaml] [key=value ...]", help="A YAML file and keys laid over it.", show_default=False
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, print a report, write nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the run that is in the run folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print no steps.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint of the run folder.")]
Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show where an error comes from.", callback=_remember, is_eager=True)
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="With --dry-run, also print keys with their defaults and all tokens.")
]


def help_without_command(context: typer.Context) -> None:
    """Print the commands and exit as for a usage error, where none is named."""
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)


def split(arguments: Sequence[str] | None) -> tuple[Path | None, list[str]]:
    """Return the configuration file, if one is named, and the key=value strings.

    Raises:
        ConfigError: An argument after the first is not key=value.
    """
    words = list(arguments or ())
    path = Path(words.pop(0)) if words and "=" not in words[0] else None
    for word in words:
        if "=" not in word:
            raise ConfigError(
                f"`{word}` is neither the one CONFIG.yaml nor key=value; write for example train.steps=20"
            )
    return path, words


def print_json(value: Any, *, file: TextIO | None = None) -> None:  # noqa: ANN401  # anything JSON can hold
    """Print one JSON document, on stdout unless another stream is given."""
    print(json.dumps(value, indent=2, ensure_ascii=False), file=file)
