"""Writes the generated pages of the documentation: docs/commands.md and docs/keys.md.

`make reference` runs it; a test fails when a page is not what it would write.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from twogrpo.cli.app import app
from twogrpo.config import DpoConfig, OnlineConfig, key_reference
from twogrpo.config.evaluation import EvalConfig

DOCS = Path(__file__).parents[1] / "docs"
NOTE = "<!-- Written by `make reference`; change the sources, not this page. -->"
MODELS = {"twogrpo online": OnlineConfig, "twogrpo dpo": DpoConfig, "twogrpo eval": EvalConfig}
TOP_LEVEL = "the run"


def pages() -> dict[str, str]:
    """Return the text of every generated page by file name."""
    return {"commands.md": _page(_commands()), "keys.md": _page(_keys())}


def _page(lines: Iterator[str]) -> str:
    return "\n".join([NOTE, "", *lines]) + "\n"


def _commands() -> Iterator[str]:
    yield "# Every command, argument and flag"
    yield ""
    yield "What `--help` of each command says. [The command line](command-line.md) has examples."
    yield from _command(typer.Context(get_command(app), info_name="twogrpo"))


def _command(context: typer.Context) -> Iterator[str]:
    inner = getattr(context.command, "commands", {})
    if context.parent is not None and not inner:
        yield from _described(context)
    for name, command in inner.items():
        if not command.hidden:
            yield from _command(typer.Context(command, info_name=name, parent=context))


def _described(context: typer.Context) -> Iterator[str]:
    yield f"\n## {context.command_path}"
    yield f"\n{context.command.help}"
    yield f"\n`{' '.join([context.command_path, *context.command.collect_usage_pieces(context)])}`"
    yield "\n| | |\n|---|---|"
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            name, meaning = record
            yield f"| `{_cell(name)}` | {_cell(meaning)} |"


def _keys() -> Iterator[str]:
    yield "# Every key"
    yield ""
    yield "Keys of a YAML file and of the command line, from the models that check them."
    yield "[Configuration](configuration.md) says how they are used; `twogrpo config show` prints them with values."
    for command, model in MODELS.items():
        yield f"\n## Keys of `{command}`"
        section = None
        for key in key_reference(model):
            name = key.key.split(".")[0] if "." in key.key else TOP_LEVEL
            if name != section:
                section = name
                yield f"\n### {command.removeprefix('twogrpo ')}: {section}"
                yield "\n| key | type | default | |\n|---|---|---|---|"
            yield f"| `{key.key}` | {_cell(key.type)} | {_default(key.default)} | {_cell(key.meaning)} |"


def _default(value: Any) -> str:  # noqa: ANN401  # whatever a field's default is
    if value == "required":
        return "required"
    named = {None: "none", True: "true", False: "false"}
    text = named[value] if value is None or isinstance(value, bool) else str(value)
    return f"`{list(value) if isinstance(value, tuple) else text}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write every page whose text has changed, and name it."""
    for name, text in pages().items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path, file=sys.stderr)


if __name__ == "__main__":
    main()
