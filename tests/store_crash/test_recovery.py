"""What opening for writing tells of damage: in what it returns, and as warnings."""

import pytest

from tests.store_crash.nursery import rollouts
from twogrpo import RolloutStore


@pytest.fixture
def path(tmp_path):
    with RolloutStore.open(tmp_path / "rollouts", run_id="r") as store:
        for step in range(3):
            store.append(rollouts("w0", step), step)
    return tmp_path / "rollouts"


def reopened(path):
    with RolloutStore.open(path, run_id="r") as store:
        return store.recovery


def test_a_segment_that_is_gone_is_warned_of(path, caplog):
    (path / "run=r" / "step-00000001.w0.parquet").unlink()
    assert reopened(path).lost == ("run=r/step-00000001.w0.parquet",)
    assert "its rollouts are lost" in caplog.text


def test_a_segment_that_is_cut_off_is_moved_aside_and_warned_of(path, caplog):
    segment = path / "run=r" / "step-00000001.w0.parquet"
    segment.write_bytes(segment.read_bytes()[:-100])
    assert len(reopened(path).quarantined) == 1
    assert "moved to _quarantine: run=r/step-00000001.w0.parquet" in caplog.text
    assert RolloutStore.open(path).scan().select("step").unique().collect().height == 2


def test_a_damaged_line_of_the_log_is_moved_aside_and_warned_of(path, caplog):
    log = path / "_twogrpo" / "log" / "r.w0.jsonl"
    log.write_text(log.read_text().replace('"rows":48', '"rows":49', 1))
    recovery = reopened(path)
    assert (recovery.damaged_lines, len(recovery.relogged)) == (1, 1)
    assert "damaged lines of the log moved to _quarantine: 1" in caplog.text
    assert RolloutStore.open(path).check(deep=True).ok


def test_a_whole_store_is_opened_without_a_word(path, caplog):
    assert reopened(path) == type(reopened(path))(0, (), (), ())
    assert caplog.text == ""
