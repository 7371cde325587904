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


@pytest.mark.parametrize("torn", [b'{"kind": "tr\n{"kind"\n', b"\x00\x00\x00", b"\xff\xfe\n", b"[1]\n", b"3"])
def test_what_a_power_loss_left_at_the_end_is_dropped(log, torn):
    log.append(line(0))
    with log.path.open("ab") as file:
        file.write(torn)
    log.keep_before(2)
    assert log.read("train") == [line(0)]


def test_a_damaged_line_before_a_whole_one_is_not_dropped(log):
    log.path.write_text('not json\n{"kind": "train", "step": 1}\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl, line 1"):
        log.keep_before(2)
    assert log.path.read_text().startswith("not json")


def test_a_damaged_line_is_named(log):
    log.path.write_text('{"kind": "train", "step": 0}\nnot json\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl, line 2"):
        log.read("train")


def test_no_file_has_no_lines(log):
    assert log.read("train") == []
    log.keep_before(0)
    assert not log.path.exists()


def test_the_evaluation_of_a_checkpoint_s_own_step_can_be_kept(log):
    for row in (line(1), line(2, "eval", greedy=0.5), line(2), line(3, "eval")):
        log.append(row)
    assert log.has_evaluation(2)
    log.keep_before(2, and_evaluation=True)
    assert log.read("train") == [line(1)]
    assert log.read("eval") == [line(2, "eval", greedy=0.5)]


def test_a_half_written_line_is_no_evaluation(log):
    log.path.write_text('{"kind": "eval", "step": 2')
    assert not log.has_evaluation(2)
