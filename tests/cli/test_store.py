"""`twogrpo store`: info, check and query."""

import json
import subprocess
import sys

import polars as pl
import pytest

from tests.program import assert_one_line, run
from twogrpo import RolloutStore

STEPS = "select step, avg(reward) as reward, count(*) as n from rollouts group by step order by step"


@pytest.fixture
def stored(tmp_path):
    with RolloutStore.open(tmp_path / "run" / "rollouts", run_id="run") as store:
        for step in range(3):
            store.append(rows(step), step)
        store.append(rows(3), 3, phase="eval")
    return tmp_path / "run"


def rows(step, count=6):
    return pl.DataFrame(
        {
            "group_id": [step * count + row // 2 for row in range(count)],
            "rollout_idx": [row % 2 for row in range(count)],
            "prompt": [f"{row // 2}+{step}" for row in range(count)],
            "response": [f"it is {row}\nor so" for row in range(count)],
            "response_ids": [list(range(row + 1)) for row in range(count)],
            "reward": [None if row == 0 else float(row % 2) for row in range(count)],
        }
    )


def test_info_is_readable(stored):
    lines = dict(line.split("  ", 1) for line in run("store", "info", stored).stdout.splitlines())
    assert lines["attempts"].strip() == "run 1"
    assert lines["phases"].strip() == "eval 6, train 18"
    assert json.loads(run("store", "info", stored, "--json").stdout)["phases"] == {"eval": 6, "train": 18}


def test_a_whole_store_is_ok(stored):
    report = run("store", "check", stored, "--deep")
    assert report.returncode == 0
    assert report.stdout.startswith("ok: 4 segments, 24 rows")


def test_a_damaged_segment_is_found(stored):
    segment = sorted((stored / "rollouts").glob("run=*/*.parquet"))[1]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    report = run("store", "check", stored, "--deep")
    assert report.returncode == 3
    assert segment.name in report.stdout


def test_a_query_prints_a_table(stored):
    assert run("store", "query", stored, STEPS).stdout.splitlines() == [
        "step  reward  n",
        "   0     0.6  6",
        "   1     0.6  6",
        "   2     0.6  6",
        "   3     0.6  6",
    ]


def test_rows_that_are_left_out_are_counted(stored):
    result = run("store", "query", stored, "select response, reward from rollouts", "--rows", 2)
    assert result.stdout.splitlines() == [
        "response        reward",
        r"it is 0\nor so    null",
        r"it is 1\nor so       1",
    ]
    assert result.stderr == "2 of 24 rows; --rows 24 prints all\n"


def test_json_and_csv_print_every_row(stored):
    sql = "select step, reward, response_ids, created_at, sqrt(-1.0) as nan from rollouts"
    rows = json.loads(run("store", "query", stored, sql, "--json").stdout, parse_constant=pytest.fail)
    assert len(rows) == 24
    assert (rows[0]["reward"], rows[1]["reward"], rows[1]["response_ids"], rows[1]["nan"]) == (None, 1.0, [0, 1], None)
    table = pl.read_csv(run("store", "query", stored, sql, "--csv").stdout.encode())
    assert table["response_ids"][1] == "[0, 1]"
    assert table.height == 24


def test_an_empty_result_is_an_empty_list(stored):
    sql = "select step from rollouts where step > 9"
    assert json.loads(run("store", "query", stored, sql, "--json").stdout) == []
    assert run("store", "query", stored, sql).stdout == "step\n"


def test_a_result_is_written_to_a_file(stored, tmp_path):
    file = tmp_path / "steps.parquet"
    assert run("store", "query", stored, STEPS, "--out", file).returncode == 0
    assert pl.read_parquet(file)["step"].to_list() == [0, 1, 2, 3]
    assert_one_line(run("store", "query", stored, STEPS, "--out", file), 2, "already exists; add --force")


def test_a_pipe_closed_early_is_no_error(stored):
    sql = "select a.step from rollouts a cross join rollouts b cross join rollouts c cross join rollouts d"
    command = f"{sys.executable} -m twogrpo store query {stored} '{sql}' --csv | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("step\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (("info", "nowhere"), 4, ("nowhere", "holds no rollout store")),
        (("query", "nowhere", STEPS), 4, ("nowhere", "holds no rollout store")),
        (("query", "run", "select rewrd from rollouts"), 2, ("there is no column rewrd; did you mean reward?",)),
        (("query", "run", "select 1 from nope"), 2, ("there is no table nope",)),
        (("query", "run", "select"), 2, ("query: ",)),
        (("query", "run", "delete from rollouts"), 2, ("a query only reads",)),
        (("query", "run", STEPS, "--json", "--csv"), 2, ("give one of them",)),
        (("query", "run", STEPS, "--out", "steps.txt"), 2, ("--out steps.txt", ".csv or .jsonl or .parquet")),
    ],
)
def test_a_wrong_input_is_one_line_with_an_exit_code(stored, arguments, code, parts):
    assert_one_line(run("store", *arguments, cwd=stored.parent), code, *parts)
