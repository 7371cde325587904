"""`twogrpo config` as a user runs it."""

import json

import pytest

from tests.program import assert_one_line, run


def test_show_loads_back(tmp_path):
    shown = run("config", "show", "seed=3")
    assert "# int. Rollouts a prompt" in shown.stdout
    file = tmp_path / "c.yaml"
    file.write_text(shown.stdout)
    again = run("config", "show", file, "--json")
    assert json.loads(again.stdout) == json.loads(run("config", "show", "seed=3", "--json").stdout)


def test_show_says_where_values_come_from(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("model: {path: m}\ndata: {path: d}\n")
    shown = run("config", "show", file, "seed=3", "--origins").stdout
    assert "[command line]\nseed: 3\n" in shown
    assert f'[{file}]\n  path: "m"\n' in shown
    origins = json.loads(run("config", "show", file, "--origins", "--json").stdout)
    assert (origins["model.path"], origins["seed"]) == (str(file), "default")


@pytest.mark.parametrize(("kind", "section"), [("online", "rollout"), ("dpo", "pairs"), ("eval", "eval")])
def test_schema_describes_every_section(kind, section):
    schema = json.loads(run("config", "schema", "--for", kind).stdout)
    assert schema["title"] == f"twogrpo {kind}"
    assert schema["properties"][section]["description"]
    assert schema["additionalProperties"] is False


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.yaml").write_text("rollout: {group_size: 2}\ntrain: {steps: 20}\n")
    (tmp_path / "b.yaml").write_text("rollout: {group_size: 4}\ntrain: {steps: 20}\nlog: {every_steps: 1}\n")
    return tmp_path


def test_diff_names_the_keys_that_differ(files):
    result = run("config", "diff", "a.yaml", "b.yaml", cwd=files)
    assert result.returncode == 0
    assert result.stdout == "a.yaml -> b.yaml: 1 key differs\n  rollout.group_size  2 -> 4\n"


def test_diff_of_equal_files_is_empty_and_json_holds_both_values(files):
    assert run("config", "diff", "a.yaml", "a.yaml", cwd=files).stdout == "a.yaml -> a.yaml: no keys differ\n"
    found = json.loads(run("config", "diff", "a.yaml", "b.yaml", "--json", cwd=files).stdout)
    assert found["keys"] == [{"key": "rollout.group_size", "before": 2, "after": 4}]


def test_diff_of_a_missing_file_is_one_line(files):
    assert_one_line(run("config", "diff", "a.yaml", "none.yaml", cwd=files), 2, "none.yaml: no such configuration")
