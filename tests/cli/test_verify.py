"""`twogrpo verify` as a user runs it; what it does with rows is tested in `test_verdict_files.py`."""

import json
import re

import polars as pl
import pytest

from tests.conftest import write_rows
from tests.program import assert_one_line, run

ROWS = [
    {"id": "a", "gold": "133", "response": r"\boxed{133}"},
    {"id": "b", "gold": ["2", "7"], "pred": "$7$"},
    {"id": "c", "gold": r"worked out: \boxed{1}", "response": r"\boxed{1}", "mode": "text"},
]


@pytest.fixture
def rows_file(tmp_path):
    return write_rows(tmp_path / "rows.jsonl", ROWS)


@pytest.mark.parametrize(
    ("answer", "said"), [(r"so \boxed{\frac12}", "correct: match"), ("3", "not correct: no_answer")]
)
def test_one_answer(answer, said):
    assert run("verify", answer, "--gold", "0.5").stdout == f"{said}\n"


def test_one_answer_explained():
    shown = run("verify", r"so it is \boxed{5\text{ cm}}", "--gold", r"0.05\text{ m}", "--explain").stdout
    rows = dict(re.split(r"\s{2,}|(?<=gold read as) ", line, maxsplit=1) for line in shown.splitlines())
    forms = {name: rows.pop(name) for name in ("read as", "gold read as")}
    assert re.fullmatch(r"\d+ steps", rows.pop("fuel"))
    assert rows == {
        "profile": "rl",
        "extraction": "boxed, characters 16 to 27",
        "answer": r"5\text{ cm}",
        "gold": r"0.05\text{ m}",
        "rule": "unit",
        "status": "match",
        "reward": "1",
    }
    assert forms["read as"].startswith("5 ")
    assert forms["gold read as"].startswith("1/20 ")


def test_one_answer_as_json():
    verdict = json.loads(run("verify", "0.50", "--bare", "--gold", "1/2", "--json").stdout)
    assert (verdict["correct"], verdict["status"], verdict["reward"]) == (True, "match", 1.0)
    assert (verdict["pred_form"], verdict["gold_form"], verdict["span"]) == ("1/2", "1/2", [0, 4])
    assert (verdict["profile"], verdict["candidates"]) == ("rl", 1)
    assert verdict["fuel"] > 0


def test_one_answer_from_a_pipe():
    assert run("verify", "-", "--gold", "5", stdin="so\n\\boxed{5}\n").stdout == "correct: match\n"


def test_a_file_into_a_file(rows_file, tmp_path):
    result = run("verify", rows_file, "--out", tmp_path / "verdicts.parquet")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "3 of 3 correct  match 3\n"
    assert pl.read_parquet(tmp_path / "verdicts.parquet")["id"].to_list() == ["a", "b", "c"]


def test_a_summary_as_json_goes_to_stdout(rows_file, tmp_path):
    result = run("verify", rows_file, "--out", tmp_path / "verdicts.jsonl", "--json")
    assert json.loads(result.stdout) == {"rows": 3, "correct": 3, "status": {"match": 3}}
    assert result.stderr == ""


def test_a_stream_has_verdicts_alone_on_stdout():
    result = run("verify", "-", "--out", "-", "--json", stdin='{"id": 1, "gold": 4, "pred": 4.0}\n')
    assert json.loads(result.stdout)["correct"] is True
    assert json.loads(result.stderr)["rows"] == 1


def test_the_mode_of_rows_that_name_none(tmp_path):
    file = write_rows(tmp_path / "rows.jsonl", [{"gold": "so $5$", "pred": r"so \boxed{5}"}])
    assert "match 1" in run("verify", file, "--out", tmp_path / "o.jsonl", "--mode", "text").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (("1",), 2, ("--gold is missing",)),
        (("rows.jsonl",), 2, ("rows.jsonl is a file of rows; add --out",)),
        (("rows.jsonl", "--gold", "1"), 2, ("rows.jsonl is a file of rows", "leave out --gold")),
        (("rows.jsonl", "--gold", "1", "--out", "o.jsonl"), 2, ("--gold is for one answer",)),
        (("rows.jsonl", "--explain", "--out", "o.jsonl"), 2, ("--explain is for one answer",)),
        (("1", "--gold", "1", "--bare", "--mode", "full"), 2, ("--bare is --mode pair",)),
        (("none.jsonl", "--out", "o.jsonl"), 3, ("none.jsonl is not a file",)),
        (("rows.jsonl", "--out", "o.txt"), 2, ("o.txt", ".jsonl or .parquet")),
    ],
)
def test_a_slip_is_one_line_that_says_what_to_type(rows_file, tmp_path, arguments, code, parts):
    assert_one_line(run("verify", *arguments, cwd=tmp_path), code, *parts)
    assert list(tmp_path.iterdir()) == [rows_file]
