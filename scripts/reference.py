"""Writes the generated pages of the documentation: docs/commands.md, docs/keys.md and docs/openrlhf-keys.md.

`make reference` runs it; a test fails when a page is not what it would write.
"""

import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from twogrpo.cli.app import app
from twogrpo.config import DpoConfig, OnlineConfig, key_reference
from twogrpo.config.evaluation import EvalConfig
from twogrpo.openrlhf import dpo_flags, flags, online_keys
from twogrpo.openrlhf.extra import known_flags
from twogrpo.openrlhf.keys import Key
from twogrpo.openrlhf.versions import PINS

DOCS = Path(__file__).parents[1] / "docs"
NOTE = "<!-- Written by `make reference`; change the sources, not this page. -->"
MODELS = {"twogrpo online": OnlineConfig, "twogrpo dpo": DpoConfig, "twogrpo eval": EvalConfig}
TOP_LEVEL = "the run"


def pages() -> dict[str, str]:
    """Return the text of every generated page by file name."""
    return {
        "commands.md": _page(_commands()),
        "keys.md": _page(_keys()),
        "openrlhf-keys.md": _page(_openrlhf_keys()),
    }


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


def _openrlhf_keys() -> Iterator[str]:
    yield "# Keys on OpenRLHF"
    yield ""
    yield "What becomes of [every key](keys.md) with `engine=openrlhf`, from the tables that make OpenRLHF's flags, and"
    yield f"refuse what it cannot carry, for OpenRLHF {PINS[0].expected}."
    for model, keys, always, barred, command in (
        (OnlineConfig, online_keys.KEYS, online_keys.ALWAYS, online_keys.BARRED, flags.COMMAND),
        (DpoConfig, dpo_flags.KEYS, dpo_flags.ALWAYS, dpo_flags.BARRED, dpo_flags.COMMAND),
    ):
        title = next(name for name, its_model in MODELS.items() if its_model is model)
        yield f"\n## Flags of `{title}`"
        yield f"\nIt starts `openrlhf.cli.{command}`."
        yield "\n| key | flags | |\n|---|---|---|"
        rows = [(_flags(keys[name.key].flags), _cell(_fate(keys[name.key])), name.key) for name in key_reference(model)]
        # Neighbours that share their fate share a row.
        for (given, fate), same in groupby(rows, key=lambda row: row[:2]):
            yield f"| {', '.join(f'`{name}`' for _, _, name in same)} | {given} | {fate} |"
        yield f"\nFlags of `{title}` that no key sets:"
        yield "\n| flag | |\n|---|---|"
        yield from (f"| `{flag}` | {_cell(fixed.why)} |" for flag, fixed in always.items())
        yield "\nFlags that `openrlhf.extra` may not give, besides those above:"
        yield "\n| flag | |\n|---|---|"
        yield from (f"| {_beginning(part, command)} | {_cell(why)} |" for part, why in barred.items())


def _flags(flags: Mapping[str, object]) -> str:
    return " ".join(f"`{flag}`" for flag in flags)


def _fate(key: Key[Any, Any]) -> str:
    """Return what a key's row says beside its flags."""
    limit = f"only {key.only}: {key.why}" if key.why else ""
    return "; ".join(part for part in (key.by, limit) if part)


def _beginning(part: str, command: str) -> str:
    """Return the flag, or what stands for all that begin with it."""
    return f"`{part}`" if part in known_flags(command) else f"`{part}*`"


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
