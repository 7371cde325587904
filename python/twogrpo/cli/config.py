"""`twogrpo config show`, `schema` and `diff`: every key with type, default and meaning, and what differs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twogrpo.cli.options import Config, Json, Traceback, help_without_command, print_json, split

if TYPE_CHECKING:
    from twogrpo.config.origins import Resolved
    from twogrpo.config.section import RootSection

__all__ = ["app"]

app = typer.Typer(help="Show the configuration.", invoke_without_command=True, callback=help_without_command)

Command = Literal["online", "dpo", "eval"]
Kind = Annotated[Command, typer.Option("--for", help="Which command's configuration.")]
Before = Annotated[Path, typer.Argument(metavar="BEFORE", help="A run folder or a YAML file.", show_default=False)]
After = Annotated[Path, typer.Argument(metavar="AFTER", help="Another.", show_default=False)]


@app.command("show")
def show(
    config: Config = None,
    *,
    kind: Kind = "online",
    origins: Annotated[bool, typer.Option("--origins", help="Also say where each value comes from.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print every key with its value, type and meaning, as YAML.

    Without a CONFIG the embedded default is shown.
    """
    resolved = _resolved(kind, config)
    if as_json:
        values = resolved.config.model_dump(mode="json")
        print_json({each.key: each.origin for each in resolved.settings} if origins else values)
        return
    for line in _commented(resolved, origins=origins):
        print(line)


@app.command("schema")
def schema(
    *,
    kind: Kind = "online",
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print the JSON schema from which editors complete keys.

    Kept in a file, it is named in the first line of a YAML file: # yaml-language-server: $schema=FILE
    """
    from twogrpo.config.editor import editor_schema

    print_json(editor_schema(_model(kind), f"twogrpo {kind}"))


@app.command("diff")
def diff(
    before: Before,
    after: After,
    *,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print the keys in which two runs or YAML files differ.

    Defaults are filled in first; run_dir is left out. The exit code is 0 whether or not there are any.
    """
    from twogrpo.config.complete import complete_values
    from twogrpo.config.difference import aligned, differences

    found = differences(complete_values(before), complete_values(after), ignored=["run_dir"])
    if as_json:
        print_json({"before": str(before), "after": str(after), "keys": [each.as_json() for each in found]})
        return
    print(f"{before} -> {after}: {len(found) or 'no'} {'key differs' if len(found) == 1 else 'keys differ'}")
    for line in aligned(found):
        print(line)


def _model(kind: Command) -> "type[RootSection]":
    from twogrpo.config import DpoConfig, OnlineConfig
    from twogrpo.config.evaluation import EvalConfig

    models: dict[str, type[RootSection]] = {"online": OnlineConfig, "dpo": DpoConfig, "eval": EvalConfig}
    return models[kind]


def _resolved(kind: Command, arguments: list[str] | None) -> "Resolved[Any]":
    from twogrpo.config.embedded import embedded_config
    from twogrpo.config.load import parse_overrides, read_yaml
    from twogrpo.config.origins import COMMAND_LINE, EMBEDDED, Layer, resolve, resolve_online

    path, overrides = split(arguments)
    if kind == "online":
        return resolve_online(path, overrides)
    # Where model and problems come from a run or from other words of the command, they need only be named.
    named = {"dpo": {"model": {"path": "tiny"}}, "eval": {"model": {"path": "MODEL"}, "data": {"path": "DATA.jsonl"}}}
    layers = [Layer("the command's other words", named[kind])]
    if path is not None:
        layers.append(Layer(str(path), read_yaml(path)))
    elif kind == "dpo":
        layers.append(Layer(EMBEDDED, read_yaml(embedded_config("dpo"))))
    return resolve(_model(kind), [*layers, Layer(COMMAND_LINE, parse_overrides(overrides))])


def _commented(resolved: "Resolved[Any]", *, origins: bool) -> Iterator[str]:
    from twogrpo.config import key_reference

    settings = {each.key: each for each in resolved.settings}
    open_section: list[str] = []
    for key in key_reference(type(resolved.config)):
        *section, leaf = key.key.split(".")
        for depth, name in enumerate(section):
            if open_section[: depth + 1] != section[: depth + 1]:
                yield f"{'  ' * depth}{name}:"
        open_section = section
        indent = "  " * len(section)
        setting = settings[key.key]
        yield f"{indent}# {key.type}. {key.meaning}{f' [{setting.origin}]' if origins else ''}"
        yield f"{indent}{leaf}: {json.dumps(setting.value, ensure_ascii=False)}"
