import pytest

from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.config.editor import editor_schema
from twogrpo.config.evaluation import EvalConfig

MODELS = pytest.mark.parametrize("model", [OnlineConfig, DpoConfig, EvalConfig])


def keys(schema):
    """Yield (dotted name, schema) of every key, sections followed."""
    for name, key in schema["properties"].items():
        yield name, key
        if "$ref" in key:
            inner = schema["$defs"][key["$ref"].rsplit("/", 1)[-1]]
            yield from ((f"{name}.{leaf}", each) for leaf, each in keys({**inner, "$defs": schema["$defs"]}))


@MODELS
def test_every_key_and_section_is_described(model):
    found = dict(keys(editor_schema(model, "x")))
    assert len(found) > 15
    assert [name for name, key in found.items() if not key.get("description")] == []


@MODELS
def test_every_plain_key_says_its_type_and_default(model):
    for name, key in keys(editor_schema(model, "x")):
        if "$ref" not in key and name != "model.path":
            assert {"type", "anyOf", "enum", "const"} & set(key), name
            assert "default" in key, name


@MODELS
def test_an_unknown_key_is_marked(model):
    schema = editor_schema(model, "x")
    assert all(section["additionalProperties"] is False for section in (schema, *schema["$defs"].values()))


@MODELS
def test_nothing_is_required_as_the_command_line_may_say_it(model):
    schema = editor_schema(model, "x")
    assert not any("required" in section for section in (schema, *schema["$defs"].values()))


def test_values_of_a_choice_are_listed():
    found = dict(keys(editor_schema(OnlineConfig, "x")))
    assert found["advantage.std"]["enum"] == ["population", "sample", "none"]
    assert found["rollout.top_p"]["maximum"] == 1
