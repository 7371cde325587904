"""Files of answers to files of verdicts: order, formats, and that nothing half done is left."""

import json
import os
import resource
import subprocess
import sys

import polars as pl
import pytest

from tests.conftest import write_rows
from twogrpo import verdict_files
from twogrpo.errors import ConfigError, DataError, VerifyError
from twogrpo.verdict_files import VERDICT_COLUMNS, VerdictCounts, verify_file

ROWS = [
    {"id": "a", "gold": "133", "response": r"so \boxed{133}"},
    {"id": "b", "gold": ["2", "7"], "pred": "$7$"},
    {"id": "c", "gold": "1", "response": "no box"},
    {"id": "d", "gold": r"thus \boxed{8}", "pred": r"\boxed{8}", "mode": "text"},
    {"id": "e", "gold": "1", "pred": "2"},
]
VERDICTS = [
    {"id": "a", "correct": True, "status": "match", "rule": "identical", "extracted": "133"},
    {"id": "b", "correct": True, "status": "match", "rule": "spelling", "extracted": "$7$"},
    {"id": "c", "correct": False, "status": "no_answer", "rule": None, "extracted": None},
    {"id": "d", "correct": True, "status": "match", "rule": "identical", "extracted": "8"},
    {"id": "e", "correct": False, "status": "mismatch", "rule": "number", "extracted": "2"},
]


def lines(path):
    # Unlike with splitlines(), lines end at newlines alone: texts hold other separators.
    return [json.loads(line) for line in path.read_text().rstrip("\n").split("\n")]


@pytest.fixture
def rows_file(tmp_path):
    return write_rows(tmp_path / "rows.jsonl", ROWS)


def test_verdicts_are_in_the_order_of_the_rows_whatever_their_modes(rows_file, tmp_path):
    verify_file(rows_file, tmp_path / "out.jsonl")
    assert lines(tmp_path / "out.jsonl") == VERDICTS


def test_parquet_holds_the_same_verdicts(rows_file, tmp_path):
    verify_file(rows_file, tmp_path / "out.parquet")
    frame = pl.read_parquet(tmp_path / "out.parquet")
    assert frame.schema == {
        "id": pl.String,
        "correct": pl.Boolean,
        "status": pl.String,
        "rule": pl.String,
        "extracted": pl.String,
    }
    assert frame.to_dicts() == VERDICTS


def test_rows_of_parquet_give_the_same_verdicts(tmp_path):
    nulls = {"pred": None, "response": None, "mode": None}
    golds = [row["gold"] if isinstance(row["gold"], list) else [row["gold"]] for row in ROWS]
    rows = [nulls | row | {"gold": gold} for row, gold in zip(ROWS, golds, strict=True)]
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    verify_file(tmp_path / "rows.parquet", tmp_path / "out.jsonl")
    assert lines(tmp_path / "out.jsonl") == VERDICTS


def test_counts_are_by_status_the_most_frequent_first(rows_file, tmp_path):
    counts = verify_file(rows_file, tmp_path / "out.jsonl")
    assert counts == VerdictCounts(5, 3, {"match": 3, "no_answer": 1, "mismatch": 1})
    assert next(iter(counts.status)) == "match"


def test_the_profile_is_used(rows_file, tmp_path):
    write_rows(rows_file, [{"gold": "5", "response": "The answer is 5."}])
    assert verify_file(rows_file, tmp_path / "out.jsonl", profile="eval").correct == 1
    assert verify_file(rows_file, tmp_path / "out.jsonl", profile="rl").correct == 0


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("bound", ["_CHUNK_ROWS", "_CHUNK_CHARACTERS"])
def test_chunks_make_no_difference(rows_file, tmp_path, monkeypatch, suffix, bound):
    verify_file(rows_file, tmp_path / f"whole.{suffix}")
    monkeypatch.setattr(verdict_files, bound, 2)
    verify_file(rows_file, tmp_path / f"parts.{suffix}")
    read = pl.read_parquet if suffix == "parquet" else pl.read_ndjson
    assert read(tmp_path / f"parts.{suffix}").equals(read(tmp_path / f"whole.{suffix}"))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("before", [None, b"kept"])
def test_an_error_in_a_late_row_leaves_what_was_there(rows_file, tmp_path, monkeypatch, suffix, before):
    monkeypatch.setattr(verdict_files, "_CHUNK_ROWS", 2)
    rows_file.write_text(rows_file.read_text() + "not json\n")
    out = tmp_path / f"out.{suffix}"
    if before:
        out.write_bytes(before)
    with pytest.raises(DataError, match="line 6: not JSON"):
        verify_file(rows_file, out)
    assert {path.name for path in tmp_path.iterdir()} == {"rows.jsonl", *([out.name] if before else [])}
    assert not before or out.read_bytes() == before


@pytest.mark.parametrize(("ids", "kind"), [([1, 2], pl.Int64), ([0.5, 1.5], pl.Float64), ([None, None], pl.Null)])
def test_ids_in_parquet_have_the_type_of_the_rows(tmp_path, ids, kind):
    file = write_rows(tmp_path / "rows.jsonl", [{"id": each, "gold": "1", "pred": "1"} for each in ids])
    verify_file(file, tmp_path / "out.parquet")
    column = pl.read_parquet(tmp_path / "out.parquet")["id"]
    assert (column.dtype, column.to_list()) == (kind, ids)


@pytest.mark.parametrize("other", ["2", 2.5, True, None, 1 << 63])
def test_ids_that_no_column_holds_are_refused_for_parquet_alone(tmp_path, other):
    rows = [{"id": each, "gold": "1", "pred": "1"} for each in (1, other)]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    with pytest.raises(DataError, match=r"line 2: the id is .* \.jsonl"):
        verify_file(file, tmp_path / "out.parquet")
    verify_file(file, tmp_path / "out.jsonl")
    assert [row["id"] for row in lines(tmp_path / "out.jsonl")] == [1, other]


def test_the_file_of_rows_is_never_the_output(rows_file, tmp_path):
    (tmp_path / "link.jsonl").symlink_to(rows_file)
    for out in (rows_file, tmp_path / "link.jsonl"):
        with pytest.raises(ConfigError, match="is the file of rows itself"):
            verify_file(rows_file, out)
    assert lines(rows_file) == ROWS


def test_an_output_that_is_a_link_keeps_being_one(rows_file, tmp_path):
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    verify_file(rows_file, tmp_path / "link.jsonl")
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len(lines(tmp_path / "real.jsonl")) == 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs os.mkfifo")
def test_a_named_pipe_is_not_replaced(rows_file, tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(ConfigError, match="no ordinary file"):
        verify_file(rows_file, tmp_path / "pipe.jsonl")


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ("out.csv", ConfigError, r"\.jsonl or \.parquet"),
        ("none/out.jsonl", DataError, "there is no folder"),
    ],
)
def test_an_unusable_output_is_refused_before_any_work(tmp_path, out, error, message):
    with pytest.raises(error, match=message):
        verify_file(tmp_path / "never-read.jsonl", tmp_path / out)


def test_an_unknown_profile_is_refused(rows_file, tmp_path):
    with pytest.raises(VerifyError, match="lenient"):
        verify_file(rows_file, tmp_path / "out.jsonl", profile="lenient")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path, suffix):
    rows = [{"id": index, "gold": "1", "pred": f"{index * 7919}x"} for index in range(2000)]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    out = tmp_path / f"out.{suffix}"
    script = "import sys; from twogrpo.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", script, "verify", str(file), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        # A file as large as that is refused as it would be on a full disk.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"--out {out} cannot be written: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_the_exam_goes_through_unchanged(shared_material, tmp_path):
    exam = shared_material / "verify" / "EXAM.jsonl"
    verify_file(exam, tmp_path / "out.jsonl", profile="eval")
    verdicts = lines(tmp_path / "out.jsonl")
    assert [row["id"] for row in verdicts] == [row["id"] for row in lines(exam)]
    assert "error" not in {row["status"] for row in verdicts}
    assert all(tuple(row) == VERDICT_COLUMNS for row in verdicts)
