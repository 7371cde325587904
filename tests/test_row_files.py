"""Rows of files: their places, and what is refused."""

import io

import polars as pl
import pytest

from twogrpo.errors import ConfigError, DataError
from twogrpo.row_files import checked_text, read_rows, text_of


def test_rows_of_json_lines_know_their_line(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}\n')
    assert [(row.place, row.values) for row in read_rows(file)] == [
        (f"{file}, line 1", {"a": 1}),
        (f"{file}, line 3", {"a": 2}),
    ]


def test_rows_of_parquet_know_their_row(tmp_path):
    file = tmp_path / "rows.parquet"
    pl.DataFrame({"a": [1, 2]}).write_parquet(file)
    assert [(row.place, row.values["a"]) for row in read_rows(file)] == [(f"{file}, row 1", 1), (f"{file}, row 2", 2)]


def test_a_dash_reads_json_lines_from_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n')))
    assert [(row.place, row.values) for row in read_rows("-")] == [("stdin, line 1", {"a": 1})]


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("rows.csv", b"", ConfigError, r"ends in '\.csv'"),
        ("rows.jsonl", b"{}\nnot json\n", DataError, "line 2: not JSON"),
        ("rows.jsonl", b'{"a": "\xff"}\n', DataError, "line 1: byte 8 is not UTF-8"),
        ("rows.jsonl", b"[1]\n", DataError, "line 1: found a list, expected a JSON object"),
        ("rows.jsonl", b"[" * 100_000 + b"\n", DataError, "line 1: not JSON"),
        ("rows.parquet", b"no parquet", DataError, "cannot be read as Parquet"),
    ],
)
def test_an_unreadable_file_is_named_with_its_place(tmp_path, name, content, error, message):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(error, match=message):
        list(read_rows(file))


def test_a_missing_file_is_refused_before_the_first_row(tmp_path):
    with pytest.raises(DataError, match="is not a file"):
        read_rows(tmp_path / "none.jsonl")


def test_a_column_that_is_no_text_is_named(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1}\n')
    (row,) = read_rows(file)
    with pytest.raises(DataError, match=r"rows.jsonl, line 1: a is the number 1, expected text"):
        text_of(row, "a")


def test_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(DataError, match="half of a surrogate pair at character 2"):
        checked_text("here", "x\ud800")
