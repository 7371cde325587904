import polars as pl
import pyarrow as pa
import pytest

import twogrpo as tg
from twogrpo.errors import ConfigError, DataError
from twogrpo.pairs import PairSpec, build_pairs, pair_counts


def rollouts(groups, **columns):
    """Rows of some groups, given as lists of rewards; rollout ids count from 100."""
    rewards = [reward for group in groups for reward in group]
    frame = pl.DataFrame(
        {
            "rollout_id": range(100, 100 + len(rewards)),
            "group_id": [index for index, group in enumerate(groups) for _ in group],
            "reward": rewards,
        },
        schema={"rollout_id": pl.Int64, "group_id": pl.Int64, "reward": pl.Float32},
    )
    return frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def ids(pairs):
    return set(pairs.select("chosen_rollout_id", "rejected_rollout_id").iter_rows())


def test_two_rollouts_pair_when_their_rewards_differ():
    pairs = build_pairs(rollouts([[1, 0], [0, 0], [0, 1], [1, 1]]), PairSpec())
    assert ids(pairs) == {(100, 101), (105, 104)}
    assert pairs["margin"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize("strategy", ["one_random", "all", "best_worst"])
def test_ties_never_pair(strategy):
    assert build_pairs(rollouts([[0.1] * 8, [1.0] * 8]), PairSpec(strategy=strategy)).is_empty()


@pytest.mark.parametrize("correct", [0, 1, 2, 3, 4])
def test_all_pairs_each_right_answer_with_each_wrong_one(correct):
    group = [1.0] * correct + [0.0] * (4 - correct)
    pairs = build_pairs(rollouts([group]), PairSpec(strategy="all", max_per_prompt=99))
    assert len(pairs) == correct * (4 - correct)


def test_beyond_two_rollouts_a_prompt_makes_four_pairs():
    assert len(build_pairs(rollouts([[1, 1, 1, 0, 0, 0]]), PairSpec(strategy="all"))) == 4


def test_best_worst_takes_the_widest_margin():
    pairs = build_pairs(rollouts([[0.5, 0.9, 0.1, 0.4]]), PairSpec(strategy="best_worst"))
    assert ids(pairs) == {(101, 102)}


def test_a_margin_is_strict():
    assert build_pairs(rollouts([[1, 0.5]]), PairSpec(margin=0.5)).is_empty()
    assert len(build_pairs(rollouts([[1, 0.5]]), PairSpec(margin=0.49))) == 1


@pytest.mark.parametrize(
    ("policy", "expected"), [("include", {(100, 101), (103, 102)}), ("exclude", set()), ("only_rejected", {(103, 102)})]
)
def test_cut_responses(policy, expected):
    rows = rollouts([[1, 0], [0, 1]], finish_reason=["length", "stop", "length", "stop"])
    assert ids(build_pairs(rows, PairSpec(cut_responses=policy))) == expected


def test_a_failed_reward_or_an_inert_row_silences_its_group():
    rows = rollouts([[1, None], [1, 0], [1, 0]], is_inert=[False, False, False, True, False, False])
    assert ids(build_pairs(rows, PairSpec())) == {(104, 105)}


def test_length_ratio():
    rows = rollouts([[1, 0], [1, 0]], response_len=[10, 21, 10, 20])
    assert ids(build_pairs(rows, PairSpec(length_ratio_max=2.0))) == {(102, 103)}


def test_a_prompt_s_limit_counts_over_all_its_groups():
    rows = rollouts([[1, 0]] * 5, prompt_id=["a"] * 6 + ["b"] * 4)
    counts = build_pairs(rows, PairSpec(max_per_prompt=1)).group_by("prompt_id").len().sort("prompt_id")
    assert counts.rows() == [("a", 1), ("b", 1)]


def test_attempts_and_runs_keep_their_groups_apart():
    rows = rollouts([[1, 0, 1, 0]], attempt=[1, 2, 2, 1], run_id=["r"] * 4)
    assert ids(build_pairs(rows, PairSpec())) == {(100, 103), (102, 101)}


def test_evaluations_are_not_read():
    rows = rollouts([[1, 0], [1, 0], [1, 0]], phase=["eval"] * 2 + ["train"] * 2 + ["imported"] * 2)
    assert ids(build_pairs(rows, PairSpec())) == {(102, 103), (104, 105)}


def test_the_order_of_rows_has_no_say():
    rows = rollouts([[1, 0, 1, 0]] * 20)
    spec = PairSpec(seed=3)
    assert build_pairs(rows, spec).equals(build_pairs(rows.sample(fraction=1, shuffle=True, seed=1), spec))


def test_a_seed_changes_choice_and_order():
    rows = rollouts([[1, 0, 1, 0]] * 20)
    assert not build_pairs(rows, PairSpec(seed=0)).equals(build_pairs(rows, PairSpec(seed=1)))


def test_lazy_frames_arrow_tables_and_stores_are_read():
    class Store:
        def scan(self):
            return rollouts([[1, 0]]).lazy()

    for source in (rollouts([[1, 0]]).lazy(), pa.table(rollouts([[1, 0]])), Store()):
        assert ids(build_pairs(source, PairSpec())) == {(100, 101)}


def test_staleness_is_known_where_versions_are():
    rows = rollouts([[1, 0]], policy_version=[3, 5])
    assert build_pairs(rows, PairSpec())["staleness"].to_list() == [2]
    assert build_pairs(rollouts([[1, 0]]), PairSpec())["staleness"].to_list() == [None]


def test_counts_say_why_groups_make_no_pair():
    counts = pair_counts(rollouts([[1, 0], [1, 1], [0, 0], [None, 1]]))
    assert (counts.groups, counts.tied, counts.inert, counts.decided) == (4, 2, 1, 1)


@pytest.mark.parametrize("correct", [0, 1, 2, 3, 4])
def test_counts_say_how_many_pairs_there_are(correct):
    group = [1.0] * correct + [0.0] * (4 - correct)
    assert pair_counts(rollouts([group, group])).pairs == 2 * correct * (4 - correct)


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="rollouts lack reward; columns found: group_id, rollout_id"):
        build_pairs(rollouts([[1, 0]]).drop("reward"), PairSpec())


@pytest.mark.parametrize(
    ("spec", "column"),
    [({"cut_responses": "exclude"}, "finish_reason"), ({"length_ratio_max": 2.0}, "response_len")],
)
def test_a_limit_needs_the_column_that_it_is_about(spec, column):
    with pytest.raises(DataError, match=f"rollouts lack {column}"):
        build_pairs(rollouts([[1, 0]]), PairSpec(**spec))


def test_a_rollout_without_an_id_is_bad_data():
    with pytest.raises(DataError, match="rollouts have 1 rows without rollout_id"):
        build_pairs(rollouts([[1, 0]]).with_columns(rollout_id=pl.Series([1, None])), PairSpec())


def test_the_same_rollout_twice_is_named():
    rows = rollouts([[1, 0]])
    with pytest.raises(DataError, match="rollout_id 100 occurs more than once"):
        build_pairs(pl.concat([rows, rows]), PairSpec())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"strategy": "best"}, "pairs.strategy=best is unknown; use one of one_random"),
        ({"cut_responses": "drop"}, "pairs.cut_responses=drop is unknown"),
        ({"margin": -1.0}, "pairs.margin=-1 is out of range"),
        ({"margin": float("nan")}, "pairs.margin=NaN is out of range"),
        ({"max_per_rollout": 0}, "pairs.max_per_rollout=0 is out of range"),
        ({"length_ratio_max": 0.5}, "pairs.length_ratio_max=0.5 is out of range"),
        ({"seed": -1}, "pairs.seed=-1 is out of range"),
    ],
)
def test_a_wrong_value_is_named(spec, message):
    with pytest.raises(ConfigError, match=message):
        PairSpec(**spec)


def test_the_names_are_public():
    assert (tg.PairSpec, tg.build_pairs) == (PairSpec, build_pairs)
