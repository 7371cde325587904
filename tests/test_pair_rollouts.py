import polars as pl
import pytest

from twogrpo import DataError, PairSpec, RolloutStore, build_pairs
from twogrpo.pair_rollouts import pair_rollouts


def rows(groups, members=(0, 1), **columns):
    """Rows of decided groups, in which member 1 alone is right."""
    frame = pl.DataFrame(
        [
            {"group_id": group, "rollout_idx": index, "prompt": f"p{group}", "reward": float(index == 1)}
            for group in groups
            for index in members
        ]
    )
    return frame.with_columns(response=pl.format("{}/{}", "group_id", "rollout_idx"), **columns)


@pytest.fixture
def store(tmp_path):
    with RolloutStore.open(tmp_path / "rollouts", run_id="r") as opened:
        yield opened


def read(store, spec=None):
    return list(pair_rollouts(store, build_pairs(store, spec or PairSpec())))


def test_the_pairs_of_a_segment_come_together_and_in_its_order(store):
    for step in range(3):
        store.append(rows(range(4 * step, 4 * step + 4)), step)
    store.flush()
    parts = read(store)
    assert [part["group_id"].to_list() for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert parts[1]["chosen_response"].to_list() == ["4/1", "5/1", "6/1", "7/1"]
    assert parts[1]["rejected_response"].to_list() == ["4/0", "5/0", "6/0", "7/0"]


def test_a_group_that_two_writers_stored_is_one_pair(store):
    store.append(rows([0, 1], members=[1]), 0)
    store.flush()
    with RolloutStore.open(store.path, run_id="r", writer="w1") as other:
        other.append(rows([0, 1], members=[0]), 0)
    (part,) = read(store)
    assert part.select("chosen_response", "rejected_response").rows() == [("0/1", "0/0"), ("1/1", "1/0")]


def test_a_rollout_of_several_pairs_stands_in_each(store):
    store.append(rows([0], members=(0, 1, 2)), 0)
    store.flush()
    (part,) = read(store, PairSpec(strategy="all"))
    assert part["chosen_response"].to_list() == ["0/1", "0/1"]
    assert part["rejected_rollout_id"].n_unique() == 2


def test_scores_and_evaluations_of_the_store_do_not_disturb(store):
    store.append(rows([0]), 0)
    store.append(rows([0], reward_format=pl.lit(1.0)), 1)
    store.append(rows([0]), 1, phase="eval")
    store.flush()
    assert sum(len(part) for part in read(store)) == 1


def test_no_pairs_are_no_parts(store):
    store.append(rows([0], members=[0]), 0)
    store.flush()
    assert read(store) == []


def test_a_rollout_that_is_not_there_is_named(store):
    store.append(rows([0]), 0)
    store.flush()
    pairs = build_pairs(store, PairSpec()).with_columns(rejected_rollout_id=pl.lit(7, pl.Int64))
    with pytest.raises(DataError, match="does not hold rollout 7, which a pair names"):
        list(pair_rollouts(store, pairs))
