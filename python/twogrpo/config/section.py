"""What every section of a configuration has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["RootSection", "Section"]


class Section(BaseModel):
    """A frozen group of keys; an unknown key is refused, a field's docstring is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


class RootSection(Section):
    """The sections of one kind of run, with its presets."""

    @classmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        """Return named sets of defaults that the key `preset` selects; a file and `key=value` overrule them."""
        return {}
