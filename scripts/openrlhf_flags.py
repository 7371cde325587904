"""Writes python/twogrpo/openrlhf/known_flags.json: every flag of the installed OpenRLHF, with its number of values.

Run it in an environment with the pinned OpenRLHF; it reads the sources and imports nothing of them.
"""

import argparse
import ast
import datetime as dt
import importlib.util
import json
import sys
from pathlib import Path

COMMANDS = ("train_ppo_ray", "train_dpo")
TARGET = Path(__file__).parents[1] / "python" / "twogrpo" / "openrlhf" / "known_flags.json"


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser of one of OpenRLHF's commands, which stands where no import reaches it.

    Args:
        command: A module of openrlhf.cli.
    """
    package = importlib.util.find_spec("openrlhf")
    if package is None or not package.submodule_search_locations:
        sys.exit("openrlhf is not installed here")
    source = Path(package.submodule_search_locations[0], "cli", f"{command}.py")
    main = next(node for node in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(node, ast.If))
    # Everything up to `args = parser.parse_args()` builds the parser.
    end = next(at for at, line in enumerate(main.body) if "parse_args" in ast.unparse(line))
    names = {"argparse": argparse, "datetime": dt.datetime}
    built = ast.Module(body=main.body[:end], type_ignores=[])
    exec(compile(built, str(source), "exec"), names)  # noqa: S102  # the installed package's own lines
    parser = names["parser"]
    if not isinstance(parser, argparse.ArgumentParser):
        sys.exit(f"{source} builds no parser where one was expected")
    return parser


def flags_of(parser: argparse.ArgumentParser) -> dict[str, int | str]:
    """Return every flag of a parser with its number of values: 0, 1, 2, `+` or `*`."""
    return {
        flag: 1 if action.nargs is None else action.nargs
        for flag, action in sorted(parser._option_string_actions.items())  # noqa: SLF001  # argparse has no other list
        if flag not in ("-h", "--help")
    }


def text() -> str:
    """Return what the file has to hold."""
    return json.dumps({command: flags_of(parser_of(command)) for command in COMMANDS}, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
