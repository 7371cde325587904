"""A compacted store gives every reader the same rollouts."""

import polars as pl
import pytest

from tests.judged_store import RIGHT, WRONG, judged_rows, store_of, wrongly
from twogrpo import PairSpec, RolloutStore, StoreError, build_pairs
from twogrpo.rollouts.compaction import compact
from twogrpo.rollouts.query import query_store
from twogrpo.rollouts.reverification import reverify
from twogrpo.rollouts.verdict_tables import scan_with_verdicts, verdicts
from twogrpo.verifier import verifier_name


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "run" / "rollouts"
    store_of(path, *(judged_rows(step, [(RIGHT, WRONG), (RIGHT, RIGHT)]) for step in range(70)))
    with RolloutStore.open(path, run_id="r", resume_step=68) as resumed:
        resumed.append(judged_rows(69, [(WRONG, RIGHT)]), 69)
        resumed.append(judged_rows(69, [(RIGHT, WRONG)]), 69, phase="eval")
    return RolloutStore.open(path)


@pytest.fixture
def copy(store, tmp_path):
    compact(store, tmp_path / "copy")
    return RolloutStore.open(tmp_path / "copy")


def test_the_rollouts_are_the_same(store, copy):
    keys = ["step", "writer", "group_id", "rollout_idx"]
    assert copy.scan().collect().sort(keys).equals(store.scan().collect().sort(keys))


@pytest.mark.parametrize("steps", [range(3), range(60, 66), range(69, 70), range(70, 99)])
def test_some_steps_are_the_same(store, copy, steps):
    keys = ["step", "writer", "group_id", "rollout_idx"]
    assert copy.scan(steps=steps).collect().sort(keys).equals(store.scan(steps=steps).collect().sort(keys))


def test_pairs_are_the_same(store, copy):
    assert build_pairs(copy, PairSpec()).equals(build_pairs(store, PairSpec()))


def test_info_differs_in_bytes_alone(store, copy):
    old, new = ({**vars(one.info()), "bytes": 0, "superseded_rows": 0} for one in (store, copy))
    assert old == new


def test_queries_are_answered_alike(store, copy):
    sql = "select step, avg(reward) as reward, count(*) as n from rollouts group by step order by step"
    assert query_store(copy, sql).collect().equals(query_store(store, sql).collect())


def test_a_check_finds_nothing(copy):
    assert copy.check(deep=True).ok


def test_segments_are_scanned_with_their_files(copy):
    rows = copy.scan_segments(copy.segments()).group_by("segment").agg(pl.col("step").max()).collect()
    assert sorted(rows["step"]) == [63, 68, 69, 69]


def test_a_plain_glob_reads_it(copy):
    rows = pl.scan_parquet(f"{copy.path}/run=*/*.parquet", hive_partitioning=True).collect()
    assert (rows.height, rows["run"].unique().to_list()) == (280, ["r"])


def test_what_is_left_out_is_counted(store, tmp_path):
    done = compact(store, tmp_path / "copy")
    assert (done.rows, done.segments_before, done.segments_after) == (280, 71, 4)
    assert (done.superseded_segments, done.superseded_rows, done.lost) == (1, 4, 0)


def test_an_existing_folder_is_refused(store, tmp_path):
    (tmp_path / "copy").mkdir()
    with pytest.raises(StoreError, match="exists already; name a folder that is not there yet"):
        compact(store, tmp_path / "copy")


def test_a_folder_inside_through_a_link_is_refused(store, tmp_path):
    (tmp_path / "link").symlink_to(store.path)
    with pytest.raises(StoreError, match="inside the store"):
        compact(store, tmp_path / "link" / "copy")


def test_a_store_without_verdicts_gives_none(store, tmp_path):
    assert compact(store, tmp_path / "copy").verdicts == 0
    assert not (tmp_path / "copy" / "_verdicts").exists()


def test_the_verdicts_on_what_is_kept_come_along(tmp_path):
    store = store_of(tmp_path / "rollouts", *(judged_rows(step, [(RIGHT, WRONG)]) for step in range(3)))
    reverify(store, write=True)
    with RolloutStore.open(store.path, run_id="r", resume_step=1) as resumed:
        resumed.append(judged_rows(2, [(WRONG, RIGHT)]), 2)
    done = compact(store, tmp_path / "copy")
    copy = RolloutStore.open(tmp_path / "copy")
    kept = verdicts(store).filter(
        pl.col("rollout_id").is_in(copy.scan().select("rollout_id").collect().to_series().implode())
    )
    assert verdicts(copy).collect().equals(kept.collect())
    assert done.verdicts == 4


def test_pairs_by_other_verdicts_are_the_same(tmp_path):
    store = store_of(tmp_path / "rollouts", wrongly(judged_rows(0, [(RIGHT, WRONG)]), WRONG, correct=True))
    reverify(store, write=True)
    compact(store, tmp_path / "copy")
    copy = RolloutStore.open(tmp_path / "copy")
    old, new = (build_pairs(scan_with_verdicts(one, verifier_name("rl")), PairSpec()) for one in (store, copy))
    assert old.height == 1
    assert new.equals(old)


def test_a_table_of_verdicts_that_is_damaged_leaves_no_copy(tmp_path):
    store = store_of(tmp_path / "rollouts", judged_rows(0, [(RIGHT, WRONG)]))
    (table,) = reverify(store, write=True).written
    table.write_bytes(table.read_bytes()[:100])
    with pytest.raises(StoreError, match="reverify --write"):
        compact(store, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["rollouts"]


def test_what_a_killed_compaction_has_left_does_not_come_along(tmp_path):
    store = store_of(tmp_path / "rollouts", judged_rows(0, [(RIGHT, WRONG)]))
    left = tmp_path / ".copy.compacting" / "_verdicts" / "run=r" / "old.parquet"
    left.parent.mkdir(parents=True)
    left.write_text("half a table")
    compact(store, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["_twogrpo", "run=r"]


def test_it_takes_no_more_rollouts(copy):
    with pytest.raises(StoreError, match="is a compacted copy and takes no more rollouts"):
        RolloutStore.open(copy.path, run_id="r")
