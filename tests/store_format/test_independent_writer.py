"""What a program wrote that knows nothing but the page on the format is a store like any other."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

import twogrpo as tg
from twogrpo._core import prompt_id

pytest.importorskip("pyarrow", reason="the independent writer needs `pip install pyarrow xxhash`")
pytest.importorskip("xxhash", reason="the independent writer needs `pip install pyarrow xxhash`")

from tests.store_format import independent_writer as theirs  # skipped where its libraries are missing

PAGE = Path(__file__).parents[2] / "docs" / "store-format.md"
FULL = {
    "group_id": 3,
    "rollout_idx": 0,
    "dataset": "gsm8k",
    "prompt": "2+2, ≤ 5?",
    "gold": "4",
    "gold_alternatives": ["four", ""],
    "response": "é\\boxed{4}",
    "prompt_ids": [1, 2, 3],
    "response_ids": [4, 5],
    "logprobs": [-0.5, -0.25],
    "logprob_sum": -0.75,
    "loss_mask": [True, False],
    "reward": 1.0,
    "reward_format": 0.5,
    "reward_answer": 1.0,
    "is_inert": False,
    "temperature": 1.0,
    "seed": 7,
    "extra": "{}",
}
BARE = {"group_id": 3, "rollout_idx": 1, "dataset": "gsm8k", "prompt": "2+2, ≤ 5?", "response": "?", "reward": None}
EMPTY = FULL | {"group_id": 1, "response_ids": [], "logprobs": [], "loss_mask": [], "logprob_sum": 0.0, "seed": None}
PLACE = {"run_id": "other", "writer": "w0", "phase": "train", "attempt": 1, "step": 5}


@pytest.fixture
def store(tmp_path):
    theirs.commit(tmp_path / "store", theirs.segment_table([FULL, BARE, EMPTY], **PLACE))
    return tg.RolloutStore.open(tmp_path / "store")


def test_every_byte_of_it_is_right(store):
    report = store.check(deep=True)
    assert report.problems == ()
    assert (report.segments, report.rows) == (1, 3)


def test_its_rows_are_read(store):
    rows = store.scan().collect()
    assert rows["group_id"].to_list() == [1, 3, 3]
    assert rows["gold_alternatives"].to_list() == [["four", ""], ["four", ""], None]
    assert rows["reward_format"].to_list() == [0.5, 0.5, None]
    assert store.info().rows == 3


def test_it_has_the_columns_of_the_page(store):
    segment = store.segments()[0]
    documented = re.findall(
        r"^\| `(\w+)`\??\s*\|", PAGE.read_text(encoding="utf-8").split("## Schema")[1], re.MULTILINE
    )
    expected = [name for name in documented if name in theirs.COLUMNS]
    assert [name for name in pl.read_parquet_schema(segment) if not name.startswith("reward_")] == expected
    assert expected == list(theirs.COLUMNS)


def test_appending_the_same_rows_is_a_repetition(store):
    """Both programs derive the same ids and the same content hash."""
    rows = pl.DataFrame([FULL, BARE, EMPTY], infer_schema_length=None)
    with tg.RolloutStore.open(store.path, run_id="other") as ours:
        ours.append(rows, 5)
        ours.flush()
        assert ours.attempt == 1
    assert len(store.segments()) == 1


def test_other_rows_in_its_place_are_a_conflict(store):
    with tg.RolloutStore.open(store.path, run_id="other") as ours:
        ours.append(pl.DataFrame([FULL | {"reward": 0.0}]), 5)
        with pytest.raises(tg.StoreError, match="already stored with other rows"):
            ours.flush()


def test_a_run_of_ours_goes_on_behind_it(store):
    with tg.RolloutStore.open(store.path, run_id="other") as ours:
        assert ours.recovery is not None
        assert (ours.recovery.relogged, ours.recovery.quarantined, ours.recovery.lost) == ((), (), ())
        ours.append(pl.DataFrame([FULL]), 6)
    assert store.check(deep=True).ok


def test_a_changed_value_is_found(store):
    segment = store.segments()[0]
    table = theirs.segment_table([FULL | {"gold": "5"}, BARE, EMPTY], **PLACE)
    honest = theirs.content_hash
    theirs.content_hash = lambda _: honest(theirs.segment_table([FULL, BARE, EMPTY], **PLACE))
    try:
        segment.write_bytes(theirs.encode(table)[0])
    finally:
        theirs.content_hash = honest
    assert any("values are not those" in problem.what for problem in store.check(deep=True).problems)


def test_the_examples_of_ids_are_right():
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^\| (rollout|prompt): (.+?) \| `([0-9a-f]+)` \| `?(\w+)", page, re.MULTILINE)
    assert len(found) == 4
    for what, of, data, shown in found:
        parts = of.split(", ")
        if what == "rollout":
            assert (bytes.fromhex(data).decode().split("\x1f"), str(theirs.rollout_id(*parts))) == (parts, shown)
        else:
            dataset = "" if parts[0] == "null" else parts[0]
            assert (bytes.fromhex(data).decode(), prompt_id(dataset, parts[1])) == (f"{dataset}\x1f{parts[1]}", shown)


def test_the_example_of_a_log_line_is_right():
    line = re.search(r"```json\n(.*)\n```", PAGE.read_text(encoding="utf-8"))[1]
    body = json.loads(line)
    del body["check"]
    assert theirs.checked(json.dumps(body, separators=(",", ":"))) == line
