import json

import pytest

from twogrpo.errors import DataError
from twogrpo.monitor import MetricsLog


@pytest.fixture
def log(tmp_path):
    return MetricsLog(tmp_path / "metrics.jsonl")


def line(step, kind="train", **values):
    return {"kind": kind, "step": step, **values}


def test_lines_come_back_by_kind(log):
    log.append(line(0, loss=0.5))
    log.append(line(1, "eval", greedy=0.25))
    assert log.read("train") == [line(0, loss=0.5)]
    assert log.read("eval") == [line(1, "eval", greedy=0.25)]


def test_a_number_that_is_not_finite_is_null(log):
    log.append(line(0, loss=float("nan")))
    assert json.loads(log.path.read_text())["loss"] is None


def test_resume_cuts_what_came_later_and_half_a_line(log):
    for step in range(4):
        log.append(line(step))
    with log.path.open("a") as file:
        file.write('{"kind": "train", "st')
    log.keep_before(2)
    assert [row["step"] for row in log.read("train")] == [0, 1]


def test_a_damaged_line_is_named(log):
    log.path.write_text('{"kind": "train", "step": 0}\nnot json\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl:2"):
        log.read("train")


def test_no_file_has_no_lines(log):
    assert log.read("train") == []
    log.keep_before(0)
    assert not log.path.exists()
