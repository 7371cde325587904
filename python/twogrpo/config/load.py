"""From a YAML file and `key=value` strings to a validated configuration, with errors a person can act on."""

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from twogrpo.config.foreign import FOREIGN_NAMES
from twogrpo.config.section import RootSection, merge
from twogrpo.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["known_keys", "load_config", "merge", "parse_overrides", "read_yaml", "to_yaml", "validate"]

Model = TypeVar("Model", bound=RootSection)


def load_config(model: type[Model], path: str | Path | None, overrides: Sequence[str]) -> Model:
    """Return `model` from its preset, then the YAML file, then the overrides, each laid over what came before.

    Raises:
        ConfigError: An unreadable file, an unknown key or a wrong value; the message names it.
    """
    values = read_yaml(path) if path is not None else {}
    # Beside overrides the file is not named: the wrong key may stand in either, and the message names the key.
    return validate(
        model, merge(values, parse_overrides(overrides)), source=None if path is None or overrides else str(path)
    )


def validate(model: type[Model], values: Mapping[str, Any], *, source: str | None = None) -> Model:
    """Return `model` from nested values.

    Raises:
        ConfigError: One line that names every wrong key, what was found and what was expected.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = "; ".join(_explain(model, detail) for detail in error.errors())
        where = f"{source}: " if source else ""
        raise ConfigError(where + lines) from error


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Return the nested values of a YAML file.

    Raises:
        ConfigError: The file is missing, not text, not YAML, or not a mapping.
    """
    from omegaconf import OmegaConf

    try:
        values = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except FileNotFoundError as error:
        msg = f"{path}: no such configuration file; `twogrpo config show` prints one to start from"
        raise ConfigError(msg) from error
    except Exception as error:  # OmegaConf passes on the YAML parser's own exceptions, which share no base
        raise ConfigError(f"{path}: not a readable YAML file: {_one_line(error)}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: found a {type(values).__name__}, expected a mapping of sections and keys")
    return cast("dict[str, Any]", values)


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Return nested values from strings `section.key=value`.

    Raises:
        ConfigError: A string without `=`, or a value that is not YAML.
    """
    from omegaconf import OmegaConf

    for item in overrides:
        if "=" not in item.lstrip("="):
            msg = f"`{item}` is neither a flag nor key=value; write for example rollout.group_size=2"
            raise ConfigError(msg)
    try:
        values = OmegaConf.to_container(OmegaConf.from_dotlist(list(overrides)), resolve=False)
    except Exception as error:  # as above: the parser's exceptions share no base
        raise ConfigError(f"a value cannot be read as YAML: {_one_line(error)}") from error
    return cast("dict[str, Any]", values)


def to_yaml(config: BaseModel) -> str:
    """Return a configuration as YAML that loads back to the same values."""
    import yaml

    return str(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of a model, sections included."""
    for name, field in model.model_fields.items():
        key = prefix + name
        yield key
        section = section_type(field.annotation)
        if section is not None:
            yield from known_keys(section, key + ".")


def section_type(annotation: object) -> type[BaseModel] | None:
    """Return the section that a field's annotation names, or None for a plain value."""
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)


def _explain(model: type[BaseModel], detail: "ErrorDetails") -> str:
    # A union or tuple adds positions to the place; the key ends at the first of them.
    parts = [str(part) for part in detail["loc"] if isinstance(part, str)]
    key = ".".join(parts)
    if detail["type"] == "extra_forbidden":
        return f"unknown key {key}{_suggestion(model, key)}"
    message = detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:] if message.startswith("Input") else message
    if not key:
        return message
    if detail["type"] == "missing":
        return _missing(model, detail, key)
    if isinstance(detail["input"], BaseModel) or detail["type"] == "value_error":
        return f"{key}: {message}"
    return f"{key}={detail['input']!r}: {message}"


def _missing(model: type[BaseModel], detail: "ErrorDetails", key: str) -> str:
    if isinstance(detail["loc"][-1], int):
        return f"{key} has too few values"
    field = model.model_fields.get(key)
    section = section_type(field.annotation) if field is not None else None
    required = [name for name, inner in section.model_fields.items() if inner.is_required()] if section else []
    names = " and ".join(f"{key}.{name}" for name in required) or key
    return f"{names} is missing"


def _suggestion(model: type[BaseModel], key: str) -> str:
    keys = list(known_keys(model))
    leaf = key.rsplit(".", 1)[-1]
    if leaf in FOREIGN_NAMES and FOREIGN_NAMES[leaf] in keys:
        return f": in twogrpo this is {FOREIGN_NAMES[leaf]}"
    same_leaf = [known for known in keys if known.rsplit(".", 1)[-1] == leaf]
    close = same_leaf or difflib.get_close_matches(key, keys, n=1, cutoff=0.7)
    if close:
        return f"; did you mean {close[0]}?"
    return "; `twogrpo config show` lists every key"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
