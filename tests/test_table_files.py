import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime

import polars as pl
import pytest

from twogrpo import ConfigError, DataError, StoreError
from twogrpo.table_files import check_target, csv_lines, json_lines, write_table

FRAME = pl.DataFrame(
    {
        "step": [0, 1],
        "reward": [float("nan"), None],
        "ids": [[1, 2], None],
        "text": ['a "b"\n', "é"],
        "at": [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None],
    },
    schema_overrides={"ids": pl.List(pl.Int32)},
)


def test_json_has_null_where_a_number_is_none(tmp_path):
    write_table(FRAME.lazy(), str(tmp_path / "t.jsonl"), "--out")
    lines = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [line["reward"] for line in lines] == [None, None]
    assert (lines[0]["ids"], lines[0]["text"], lines[1]["text"]) == ([1, 2], 'a "b"\n', "é")
    assert b"".join(json_lines(FRAME.lazy())) == (tmp_path / "t.jsonl").read_bytes()


def test_parquet_keeps_types(tmp_path):
    write_table(FRAME.lazy(), str(tmp_path / "t.parquet"), "--out")
    assert pl.read_parquet(tmp_path / "t.parquet").equals(FRAME)


def test_csv_has_lists_as_json(tmp_path):
    write_table(FRAME.lazy(), str(tmp_path / "t.csv"), "--out")
    read = pl.read_csv(tmp_path / "t.csv")
    assert read["ids"].to_list() == ["[1, 2]", None]
    assert math.isnan(read["reward"][0])
    assert b"".join(csv_lines(FRAME.lazy())) == (tmp_path / "t.csv").read_bytes()


def test_no_rows_are_an_empty_file_or_a_line_of_names(tmp_path):
    empty = FRAME.head(0).lazy()
    write_table(empty, str(tmp_path / "t.jsonl"), "--out")
    assert (tmp_path / "t.jsonl").read_bytes() == b""
    assert b"".join(csv_lines(empty)) == b"step,reward,ids,text,at\n"


def test_after_an_error_the_old_file_stands_and_nothing_else(tmp_path):
    file = tmp_path / "t.jsonl"
    file.write_text("old")

    def fail(_column):
        raise StoreError("damaged")

    rows = FRAME.lazy().select(pl.col("step").map_batches(fail, return_dtype=pl.Int64))
    with pytest.raises((StoreError, pl.exceptions.ComputeError), match="damaged"):
        write_table(rows, str(file), "--out")
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]
    assert file.read_text() == "old"


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, suffix):
    code = """
import resource, signal, sys
import polars as pl
from twogrpo.table_files import write_table
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_table(pl.LazyFrame({"number": range(10_000)}), sys.argv[1], "--out")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / f"t.{suffix}")], capture_output=True, text=True, check=False
    )
    assert "twogrpo.errors.DataError: --out" in done.stderr.splitlines()[-1]
    assert "cannot be written: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_written_file_may_be_read_as_the_user_s_mask_says(tmp_path):
    previous = os.umask(0o022)
    try:
        write_table(FRAME.lazy(), str(tmp_path / "t.parquet"), "--out")
    finally:
        os.umask(previous)
    assert (tmp_path / "t.parquet").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("t.txt", ConfigError, "expected a file that ends in .jsonl or .csv, or - for stdout"),
        ("there.jsonl", ConfigError, "already exists; add --force to replace it"),
        ("folder.jsonl", ConfigError, "is a folder"),
        ("none/t.jsonl", DataError, "there is no folder"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_beforehand(tmp_path, name, error, message):
    (tmp_path / "there.jsonl").touch()
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(error, match=message):
        check_target(str(tmp_path / name), "--out", kinds=(".jsonl", ".csv"), force=False)


def test_an_existing_file_may_be_replaced_on_request(tmp_path):
    (tmp_path / "t.jsonl").touch()
    check_target(str(tmp_path / "t.jsonl"), "--out", kinds=(".jsonl",), force=True)
    check_target("-", "--out", kinds=(".jsonl",), force=False)
