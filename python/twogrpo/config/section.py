"""What every section of a configuration has in common."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["RootSection", "Section", "merge"]


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the nested keys of `above` laid over it."""
    result = dict(below)
    for key, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge(result[key], value) if nested else value
    return result


class Section(BaseModel):
    """A frozen group of keys; an unknown key is refused, a field's docstring is its documentation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


class RootSection(Section):
    """The sections of one kind of run, with its presets."""

    @classmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        """Return named sets of defaults that the key `preset` selects; a file and `key=value` overrule them."""
        return {}

    @model_validator(mode="before")
    @classmethod
    def _lay_over_the_preset(cls, values: Any) -> Any:  # noqa: ANN401  # whatever the constructor was given
        if not isinstance(values, Mapping):
            return values
        plain = {key: value.model_dump() if isinstance(value, BaseModel) else value for key, value in values.items()}
        preset = cls.presets().get(str(values.get("preset", "")), {})
        return merge(preset, plain) if preset else values
