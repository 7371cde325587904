import json
from dataclasses import asdict, replace

import pytest

from twogrpo.errors import DataError
from twogrpo.rollouts.replay_pin import check_pinned, read_pin, write_pin
from twogrpo.rollouts.replayed_batches import StoredBatch

BATCH = StoredBatch("run", 3, rollouts=12, group_size=2, tokens=240, longest=21, largest_id=90, digest="ab" * 32)


def test_what_was_written_is_read(tmp_path):
    write_pin(tmp_path / "replay.json", "runs/a", [BATCH, replace(BATCH, step=4)])
    assert read_pin(tmp_path / "replay.json") == (BATCH, replace(BATCH, step=4))
    assert [path.name for path in tmp_path.iterdir()] == ["replay.json"]


def test_a_run_without_one_has_none(tmp_path):
    assert read_pin(tmp_path / "replay.json") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"batches": {}}',
        '{"batches": [3]}',
        json.dumps({"batches": [{**asdict(BATCH), "step": "3"}]}),
        json.dumps({"batches": [{**asdict(BATCH), "rollouts": True}]}),
        json.dumps({"batches": [{**asdict(BATCH), "more": 1}]}),
        json.dumps({"batches": [{"step": 3}]}),
    ],
)
def test_a_damaged_one_is_refused(tmp_path, content):
    (tmp_path / "replay.json").write_text(content)
    with pytest.raises(DataError, match=r"replay\.json .*put it back as it was, or begin a new run"):
        read_pin(tmp_path / "replay.json")


def test_one_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "replay.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"replay\.json cannot be read"):
        read_pin(tmp_path / "replay.json")


def test_another_hash_is_another_batch(tmp_path):
    check_pinned(BATCH, BATCH, tmp_path)
    with pytest.raises(DataError, match="run run, step 3: its rollouts are not those"):
        check_pinned(replace(BATCH, digest="0" * 64), BATCH, tmp_path)
