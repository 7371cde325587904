"""`twogrpo config show` and `schema`: every key with type, default and meaning."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import typer

from twogrpo.cli.online import load_online
from twogrpo.cli.options import Config, Json, Traceback, help_without_command, print_json, split
from twogrpo.config import DpoConfig, OnlineConfig, RunConfig, key_reference
from twogrpo.config.embedded import embedded_config
from twogrpo.config.load import merge, parse_overrides, read_yaml, validate

__all__ = ["app"]

app = typer.Typer(help="Show the configuration.", invoke_without_command=True, callback=help_without_command)

Kind = Annotated[Literal["online", "dpo"], typer.Option("--for", help="Which command's configuration.")]
MODELS: dict[str, type[RunConfig]] = {"online": OnlineConfig, "dpo": DpoConfig}


@app.command("show")
def show(
    config: Config = None,
    *,
    kind: Kind = "online",
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print every key with its value, type and meaning, as YAML that loads back.

    Without a CONFIG the embedded default is shown.
    """
    resolved = load_online(config) if kind == "online" else _load_dpo(config)
    values = resolved.model_dump(mode="json")
    if as_json:
        print_json(values)
        return
    for line in _commented(MODELS[kind], values):
        print(line)


def _load_dpo(config: list[str] | None) -> DpoConfig:
    # Model and data come from the online run when it runs; here they need only be named.
    path, overrides = split(config)
    values = read_yaml(path if path is not None else embedded_config("dpo"))
    return validate(DpoConfig, merge(merge({"model": {"path": "tiny"}}, values), parse_overrides(overrides)))


@app.command("schema")
def schema(
    *,
    kind: Kind = "online",
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print the JSON schema, from which editors complete keys."""
    print_json(MODELS[kind].model_json_schema())


def _commented(model: type[RunConfig], values: dict[str, Any]) -> Iterator[str]:
    open_section: list[str] = []
    for key in key_reference(model):
        *section, leaf = key.key.split(".")
        for depth, name in enumerate(section):
            if open_section[: depth + 1] != section[: depth + 1]:
                yield f"{'  ' * depth}{name}:"
        open_section = section
        indent = "  " * len(section)
        yield f"{indent}# {key.type}. {key.meaning}"
        yield f"{indent}{leaf}: {json.dumps(_at(values, key.key), ensure_ascii=False)}"


def _at(values: dict[str, Any], key: str) -> object:
    value: Any = values
    for part in key.split("."):
        value = value[part]
    return value
