"""`twogrpo store check --repair`: what is mended, what is set aside, and how it is said."""

import json
import shutil

import polars as pl
import pytest

from tests.program import assert_one_line, run
from twogrpo import RolloutStore


@pytest.fixture
def stored(tmp_path):
    with RolloutStore.open(tmp_path / "run" / "rollouts", run_id="run") as store:
        for step in range(3):
            rows = {
                "group_id": [0, 0],
                "rollout_idx": [0, 1],
                "prompt": "1+1",
                "response": ["2", "3"],
                "reward": [1.0, 0.0],
            }
            store.append(pl.DataFrame(rows), step)
    return tmp_path / "run"


def flip(file):
    content = bytearray(file.read_bytes())
    content[100] ^= 0xFF
    file.write_bytes(content)


def segment(stored, step):
    return stored / "rollouts" / "run=run" / f"step-{step:08}.w0.parquet"


def test_a_whole_store_has_nothing_to_repair(stored):
    done = run("store", "check", stored, "--repair", "--deep")
    assert (done.returncode, done.stdout.splitlines()) == (0, [run("store", "check", stored).stdout.rstrip()])


def test_a_lost_private_folder_is_written_anew(stored):
    shutil.rmtree(stored / "rollouts" / "_twogrpo")
    assert_one_line(run("store", "check", stored), 4, "holds segments and no _twogrpo/store.json", "check --repair")
    done = run("store", "check", stored, "--repair")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:2] == ["written anew: _twogrpo/store.json", "logged again: 3 segments"]


def test_a_damaged_log_is_written_anew(stored):
    log = stored / "rollouts" / "_twogrpo" / "log" / "run.w0.jsonl"
    log.write_text(log.read_text().replace('"step":1', '"step":7'))
    assert run("store", "check", stored).returncode == 3
    done = run("store", "check", stored, "--repair")
    assert done.returncode == 0
    lines = ["moved to _quarantine: 1 damaged lines of the log", "logged again: 1 segments"]
    assert done.stdout.splitlines()[:2] == lines


def test_a_deep_repair_moves_damaged_bytes_aside(stored):
    flip(segment(stored, 1))
    done = run("store", "check", stored, "--repair", "--deep", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert [name.split(":")[0] for name in report["repair"]["quarantined"]] == ["run=run/step-00000001.w0.parquet"]
    assert [problem["what"].split(":")[0] for problem in report["problems"]] == ["lost"]
    assert not segment(stored, 1).exists()
    assert len(list((stored / "rollouts" / "_quarantine").iterdir())) == 1


def test_problems_are_printed_as_json(stored):
    segment(stored, 1).unlink()
    done = run("store", "check", stored, "--json")
    assert done.returncode == 3
    assert [problem["path"] for problem in json.loads(done.stdout)["problems"]] == [str(segment(stored, 1))]


def test_a_run_that_is_being_written_is_left_alone(stored):
    flip(segment(stored, 1))
    with RolloutStore.open(stored, run_id="run"):
        done = run("store", "check", stored, "--repair", "--deep")
    assert "left alone: run.w0, which a living process writes" in done.stdout
    assert segment(stored, 1).exists()
