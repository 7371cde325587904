"""Pruning and purging, as Python calls them."""

import polars as pl
import pytest

from tests.judged_store import RIGHT, WRONG, judged_rows, store_of
from twogrpo import ConfigError, DataError, RolloutStore, StoreError
from twogrpo.rollouts.compaction import compact
from twogrpo.rollouts.removal import prune, purge
from twogrpo.rollouts.reverification import reverify
from twogrpo.rollouts.verdict_tables import verdicts


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "rollouts"
    store_of(path, *(judged_rows(step, [(RIGHT, WRONG), (RIGHT, RIGHT)]) for step in range(4)))
    with RolloutStore.open(path, run_id="r", resume_step=2):
        pass
    return RolloutStore.open(path)


def prompt_ids(store):
    return sorted(store.scan(include_superseded=True).select("prompt_id").unique().collect()["prompt_id"])


def test_steps_are_pruned(store):
    removal = prune(store, steps_before=2)
    assert (removal.removed, removal.rewritten, removal.rows) == (2, 0, 8)
    assert removal.bytes > 0
    assert store.info().steps == 1
    assert store.check(deep=True).ok


def test_superseded_segments_are_pruned(store):
    assert prune(store, superseded=True).rows == 4
    assert store.info().superseded_rows == 0


def test_columns_lose_their_values(store):
    removal = prune(store, columns=["logprobs"], steps_before=1)
    assert (removal.removed, removal.rewritten, removal.rows) == (0, 1, 0)
    left = store.scan().group_by("step").agg(pl.col("logprobs").count(), pl.col("logprob_sum").count()).sort("step")
    assert left.collect().rows() == [(0, 0, 4), (1, 4, 4), (2, 4, 4)]


def test_nothing_chosen_is_an_error(store):
    with pytest.raises(ConfigError, match="nothing to prune is chosen; choose some of --superseded"):
        prune(store)


def test_an_unknown_phase_is_an_error(store):
    with pytest.raises(ConfigError, match="phase='test' is not known; expected one of train, eval"):
        prune(store, phase="test")


@pytest.mark.parametrize("column", ["reward", "rollout_id", "logprob"])
def test_a_column_that_must_stay_is_an_error(store, column):
    with pytest.raises(DataError, match=f'column "{column}" is not usable; expected optional columns'):
        prune(store, columns=[column])


def test_a_purge_leaves_nothing_of_a_prompt(store):
    reverify(store, write=True)
    one, other = prompt_ids(store)
    removal = purge(store, [one])
    assert (removal.rows, removal.rewritten, removal.verdicts) == (8, 4, 6)
    assert prompt_ids(store) == [other]
    assert verdicts(store).select("prompt_id").unique().collect()["prompt_id"].to_list() == [other]
    assert store.check(deep=True).ok
    assert purge(store, [one]).files == ()


def test_a_purge_counts_what_it_cannot_reach(store):
    (store.path / "_quarantine").mkdir()
    (store.path / "_quarantine" / "run=r.step-00000000.w0.parquet.0").write_bytes(b"?")
    assert purge(store, ["0"]).quarantined == 1


def test_a_purge_of_a_copy_works(store, tmp_path):
    compact(store, tmp_path / "copy")
    copy = RolloutStore.open(tmp_path / "copy")
    one, other = prompt_ids(copy)
    assert purge(copy, [one]).rows == 6
    assert prompt_ids(copy) == [other]
    assert copy.check(deep=True).ok


def test_a_dry_run_changes_nothing(store):
    reverify(store, write=True)
    before = {path: path.read_bytes() for path in store.path.rglob("*") if path.is_file()}
    one, _ = prompt_ids(store)
    removal = purge(store, [one], dry_run=True)
    assert (removal.rows, removal.verdicts) == (8, 6)
    assert prune(store, superseded=True, steps_before=9, dry_run=True).rows == 16
    assert prune(store, columns=["response"], dry_run=True).rewritten == 3
    assert {path: path.read_bytes() for path in store.path.rglob("*") if path.is_file()} == before


def test_a_run_that_is_written_is_left_alone(store):
    with (
        RolloutStore.open(store.path, run_id="r"),
        pytest.raises(StoreError, match="is being written by process"),
    ):
        prune(store, steps_before=2)
    assert store.info().steps == 3


def test_a_purged_step_appended_again_stays_purged(store):
    one, _ = prompt_ids(store)
    purge(store, [one])
    with RolloutStore.open(store.path, run_id="r") as again:
        assert again.attempt == 2
    prune(store, steps_before=9)
    with RolloutStore.open(store.path, run_id="r") as again:
        again.append(judged_rows(5, [(RIGHT, WRONG)]), 5)
    assert store.scan().select("step").unique().collect()["step"].to_list() == [5]
