"""The list of every key with type, default and meaning, which `config show` and the reference page print."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from twogrpo.config.load import section_type

__all__ = ["KeyReference", "key_reference"]


@dataclass(frozen=True)
class KeyReference:
    """One key: its dotted name, its type as written, its default and what it means."""

    key: str
    type: str
    default: Any
    meaning: str


def key_reference(model: type[BaseModel], prefix: str = "") -> Iterator[KeyReference]:
    """Yield every key of a configuration model, in the order of the sections.

    Args:
        model: A configuration class or a section of one.
        prefix: Put before every key.
    """
    for name, field in model.model_fields.items():
        section = section_type(field.annotation)
        if section is not None:
            yield from key_reference(section, f"{prefix}{name}.")
            continue
        default = "required" if field.is_required() else field.get_default(call_default_factory=False)
        meaning = " ".join((field.description or "").split())
        yield KeyReference(prefix + name, _type_name(model, name), default, meaning)


def _type_name(model: type[BaseModel], name: str) -> str:
    schema = model.model_json_schema()["properties"][name]
    return " | ".join(_schema_types(schema))


def _schema_types(schema: dict[str, Any]) -> list[str]:
    if "enum" in schema:
        return [str(option) for option in schema["enum"]]
    if "const" in schema:
        return [str(schema["const"])]
    if "anyOf" in schema:
        return [name for option in schema["anyOf"] for name in _schema_types(option)]
    if schema.get("type") == "array":
        return ["list"]
    names = {"number": "float", "integer": "int", "boolean": "bool", "string": "str", "null": "null"}
    return [names.get(str(schema.get("type")), "object")]
