"""What every section of a configuration has in common."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

__all__ = ["RootSection", "Section", "merge"]

# Words that YAML reads as a truth where they stand without quotes.
_WORDS = {True: ("on", "yes"), False: ("off", "no")}


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

    @field_validator("*", mode="before")
    @classmethod
    def _a_truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401  # before validation
        # Left alone, `train.steps=true` would be a run of one step.
        annotation = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and (word := _word_for(value, annotation)) is not None:
            return word
        parts = value if isinstance(value, list | tuple) else [value]
        truth = next((part for part in parts if isinstance(part, bool)), None)
        if truth is not None and annotation is not bool and bool not in get_args(annotation):
            msg = f"found {str(truth).lower()}, but this key does not take true or false"
            raise ValueError(msg)
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _no_value_is_null(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401  # before validation
        # YAML's word for no value; left alone, `data.system=none` would be a message to the model.
        options = get_args(cls.model_fields[info.field_name or ""].annotation)
        if type(None) in options and str(value).lower() == "none" and value is not None:
            msg = f"found the text {value}; to say that there is no value, write null"
            raise ValueError(msg)
        return value


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


def _word_for(truth: bool, annotation: object) -> str | None:  # noqa: FBT001  # what YAML has read
    """Return the word of a field's options that YAML has read as a truth, or None where there is none."""
    kinds = [annotation, *get_args(annotation)]
    options = [option for kind in kinds if get_origin(kind) is Literal for option in get_args(kind)]
    return next((word for word in _WORDS[truth] if word in options), None)
