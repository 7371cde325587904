"""`twogrpo lint` as a user runs it; what it looks for is tested in `test_data_lint.py`."""

import json

import pytest

from tests.conftest import write_rows
from tests.program import assert_one_line, run


@pytest.fixture
def data(tmp_path):
    def data(*answers):
        rows = [{"problem": f"problem {answer}", "answer": answer} for answer in answers]
        return write_rows(tmp_path / "data.jsonl", rows)

    return data


def test_a_clean_data_set_exits_with_zero(data):
    result = run("lint", data("1", "2.5"))
    assert (result.returncode, result.stderr) == (0, "")
    assert "every gold is understood" in result.stdout
    assert "kinds: integer 1, decimal 1" in result.stdout


def test_an_error_exits_with_three_and_names_the_first_rows(data):
    result = run("lint", data("1", "", r"\oint f", r"\oint g"), "--show", "1")
    assert (result.returncode, result.stderr) == (3, "")
    assert "        line 3: \\oint f\n        and 1 more" in result.stdout
    assert "\\oint g" not in result.stdout


def test_a_control_character_is_shown(data):
    assert r"\oint␉f" in run("lint", data("\\oint\tf")).stdout


def test_rows_of_stdin_are_named_by_their_line_alone():
    result = run("lint", "-", stdin='{"problem": "1+1", "answer": " "}\n')
    assert result.stdout.startswith("stdin: 1 row, profile rl\n")
    assert "        line 1\n" in result.stdout


def test_warnings_fail_if_strict(data):
    file = data("1", "1")
    assert run("lint", file).returncode == 0
    assert run("lint", file, "--strict").returncode == 3


def test_json_holds_every_row(data):
    result = run("lint", data("", "1", "", "", ""), "--json")
    report = json.loads(result.stdout)
    (empty,) = (finding for finding in report["findings"] if finding["name"] == "empty")
    assert (result.returncode, len(empty["rows"])) == (3, 4)


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (("none.jsonl",), 3, ("none.jsonl is not a file",)),
        (("data.jsonl", "--gold-column", "gold"), 2, ("no column gold", "--gold-column")),
        (("data.jsonl", "--profile", "lenient"), 2, ("lenient",)),
    ],
)
def test_a_slip_is_one_line(data, tmp_path, arguments, code, parts):
    data("1")
    assert_one_line(run("lint", *arguments, cwd=tmp_path), code, *parts)
