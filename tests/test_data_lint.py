"""The lint of data sets: findings, their severity, and where the rows stand."""

import json

import polars as pl
import pytest

from tests.conftest import write_rows
from twogrpo.data_lint import lint_data
from twogrpo.errors import ConfigError, DataError


@pytest.fixture
def lint(tmp_path):
    def lint(*rows, **options):
        return lint_data(write_rows(tmp_path / "data.jsonl", rows), **options)

    return lint


def found(report, name):
    (finding,) = (finding for finding in report.findings if finding.name == name)
    return finding


def lines(report, name):
    return [int(row.place.rsplit(" ", 1)[1]) for row in found(report, name).rows]


def test_a_clean_data_set_has_findings_without_rows(lint):
    report = lint({"problem": "1+1", "answer": "2"}, {"problem": "1+2", "answer": 3})
    assert not any(report.has(severity) for severity in ("error", "warning", "note"))
    assert (report.rows, report.kinds) == (2, {"integer": 2})


@pytest.mark.parametrize(
    ("answer", "name", "severity"),
    [
        ("", "empty", "error"),
        (r"\oint f", "unparsable", "error"),
        ("}3", "unverified", "error"),
        (None, "unusable", "error"),
        (True, "unusable", "error"),
        ("1, 2", "several values", "note"),
        (["1", "2"], "alternatives", "note"),
    ],
)
def test_a_gold_is_named_with_its_line_and_severity(lint, answer, name, severity):
    report = lint({"problem": "1+1", "answer": "2"}, {"problem": "p", "answer": answer})
    assert lines(report, name) == [2]
    assert found(report, name).severity == severity
    assert report.has(severity)


def test_a_blank_gold_is_named_once(lint):
    report = lint({"problem": "1+1", "answer": " "})
    assert [finding.name for finding in report.findings if finding.rows] == ["empty"]
    assert report.evaluation == {"unparsable": 0, "unverified": 0}


def test_an_unusable_row_says_why(lint):
    (row,) = found(lint({"problem": " ", "answer": "2"}), "unusable").rows
    assert row.detail.startswith("problem is empty")


def test_repeated_problems_are_worse_if_their_golds_differ(lint):
    rows = [
        {"problem": "What is 1/2?", "answer": "0.5"},
        {"problem": "What is  1/2? ", "answer": r"\frac12"},
        {"problem": "What is 1/2?", "answer": "2"},
        {"problem": "What is 1/3?", "answer": "2"},
    ]
    report = lint(*rows)
    assert lines(report, "duplicate") == [2]
    assert lines(report, "conflicting") == [3]
    assert (found(report, "duplicate").severity, found(report, "conflicting").severity) == ("warning", "error")
    assert "line 1, gold 0.5" in found(report, "conflicting").rows[0].detail


def test_a_repeated_gold_that_is_not_understood_is_no_conflict(lint):
    rows = [{"problem": "p", "answer": r"\oint f"}] * 2
    assert lines(lint(*rows), "conflicting") == []


def test_the_worst_comes_first(lint):
    order = [finding.severity for finding in lint({"problem": "p", "answer": "1"}).findings]
    assert order == sorted(order, key=["error", "warning", "note"].index)


def test_evaluation_is_compared_with(lint):
    report = lint({"problem": "p", "answer": r"\oint f"})
    assert lines(report, "unparsable") == [1]
    assert report.evaluation == {"unparsable": 1, "unverified": 0}


def test_columns_are_those_of_prompt_files(lint):
    assert lint({"question": "p", "answer": "1"}).rows == 1
    assert lint({"q": "p", "a": "1"}, prompt_column="q", gold_column="a").rows == 1
    with pytest.raises(ConfigError, match="no column answer; found q, problem; name the column with --gold-column"):
        lint({"q": "p", "problem": "p"})


def test_parquet_is_read(tmp_path):
    pl.DataFrame({"problem": ["p"], "answer": [["1", "2"]]}).write_parquet(tmp_path / "data.parquet")
    assert lines(lint_data(tmp_path / "data.parquet"), "alternatives") == [1]


def test_no_rows_are_refused(lint):
    with pytest.raises(DataError, match="has no rows"):
        lint()


def test_a_report_becomes_json(lint):
    report = lint({"problem": "p", "answer": ""})
    again = json.loads(json.dumps(report.to_dict()))
    assert again["findings"][0].keys() == {"name", "severity", "meaning", "rows"}
