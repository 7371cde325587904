import polars as pl
import pytest

from twogrpo import ConfigError, DataError, RolloutStore
from twogrpo.rollouts.show import Wanted, find_group


def rows(first_group, *rewards):
    """Return groups of two, one a pair of rewards."""
    return pl.DataFrame(
        [
            {"group_id": first_group + group, "rollout_idx": member, "prompt": f"p{group}", "reward": reward}
            for group, pair in enumerate(rewards)
            for member, reward in enumerate(pair)
        ],
        schema_overrides={"reward": pl.Float32},
    ).with_columns(response=pl.lit("r"), reward_format=1.0)


@pytest.fixture
def store(tmp_path):
    with RolloutStore.open(tmp_path, run_id="a") as first:
        first.append(rows(0, (1, 0), (1, 1)), 0)
        first.append(rows(2, (0, 1), (None, 1), (0, 0)), 1)
        first.append(rows(0, (1, 0)), 1, phase="eval")
    with RolloutStore.open(tmp_path, run_id="b") as second:
        second.append(rows(1, (1, 1)), 0)
    return RolloutStore.open(tmp_path)


def key(found):
    return found.rollouts.select("run_id", "step", "phase", "group_id").row(0)


def test_without_anything_known_it_is_the_last_decided_group(store):
    found = find_group(store, Wanted())
    assert (key(found), found.state, found.matches) == (("a", 1, "train", 2), "decided", 2)


def test_a_group_has_every_column_in_the_order_of_its_members(store):
    found = find_group(store, Wanted(group_id=2))
    assert found.rollouts["rollout_idx"].to_list() == [0, 1]
    assert found.rollouts["reward_format"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(state="tied"), ("b", 0, "train", 1)),
        (Wanted(state="tied", run_id="a"), ("a", 1, "train", 4)),
        (Wanted(state="failed"), ("a", 1, "train", 3)),
        (Wanted(step=0, run_id="a"), ("a", 0, "train", 1)),
        (Wanted(phase="eval"), ("a", 1, "eval", 0)),
        (Wanted(group_id=1, run_id="b"), ("b", 0, "train", 1)),
    ],
)
def test_a_group_is_found_by_what_is_known_of_it(store, wanted, expected):
    assert key(find_group(store, wanted)) == expected


def test_a_rollout_and_a_prompt_tell_their_group(store):
    row = store.scan().filter(pl.col("group_id") == 3).collect().row(1, named=True)
    assert key(find_group(store, Wanted(rollout_id=row["rollout_id"])))[3] == 3
    assert find_group(store, Wanted(prompt_id=row["prompt_id"], run_id="a")).matches == 2


def test_an_id_of_several_groups_lists_them(store):
    message = r"2 groups fit \(group id 1.*run a step 0 phase train group 1; run b .*; add --run-id$"
    with pytest.raises(ConfigError, match=message):
        find_group(store, Wanted(group_id=1))


def test_nothing_that_fits_is_said(store):
    with pytest.raises(DataError, match="holds no failed group of step 0, phase train or imported"):
        find_group(store, Wanted(step=0, state="failed"))
    with pytest.raises(DataError, match="holds no group of group id 99"):
        find_group(store, Wanted(group_id=99))
