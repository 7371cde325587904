"""The JSON schema from which editors complete a configuration file."""

from typing import Any

from twogrpo.config.section import RootSection

__all__ = ["editor_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def editor_schema(model: type[RootSection], title: str) -> dict[str, Any]:
    """Return the JSON schema of a YAML file: every key with meaning, default, and its values or limits.

    Nothing is required: a file may leave any key, the model's path included, to the command line or to a run.

    Args:
        model: A configuration class.
        title: What an editor calls the file.
    """
    schema = model.model_json_schema()
    sections: dict[str, dict[str, Any]] = schema.get("$defs", {})
    for section in (schema, *sections.values()):
        section.pop("required", None)
        for name, key in section["properties"].items():
            # Made from the key, so it says nothing that the key does not.
            key.pop("title", None)
            reference = key.get("$ref")
            if reference is not None:
                # An editor shows what stands beside the key, not what it refers to.
                section["properties"][name] = {"$ref": reference, "description": _meaning(sections, reference)}
    return {"$schema": DIALECT, **schema, "title": title}


def _meaning(sections: dict[str, dict[str, Any]], reference: str) -> str:
    return str(sections[reference.rsplit("/", 1)[-1]].get("description", ""))
