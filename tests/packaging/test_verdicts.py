"""The verdicts on a fixed set of answers are those that every platform's wheel is compared with."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "tests" / "data" / "answers.jsonl"


def compare(*arguments, script=ROOT / "scripts" / "verdicts.py"):
    return subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path):
    """The script and its rows in a place of their own, the status of the first row changed."""
    script, rows = tmp_path / "scripts" / "verdicts.py", tmp_path / "tests" / "data" / "answers.jsonl"
    for path in (script, rows):
        path.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "scripts" / "verdicts.py").read_bytes())
    lines = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    lines[0]["rl"] = "mismatch"
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return script, rows


def test_every_verdict_is_the_one_that_is_kept():
    done = compare()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_verdict_that_differs_is_named(copy):
    done = compare(script=copy[0])
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "same-0-0: '18' for '18': rl: mismatch -> match")


def test_verdicts_are_written_as_they_are_kept(copy):
    script, rows = copy
    assert compare("--write", script=script).returncode == 0
    assert rows.read_bytes() == ROWS.read_bytes()


def test_an_answer_stands_there_once():
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) > 300
