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


STRATEGIES = ("one_random", "all", "best_worst", "best_random", "sweet_spot", "hardest", "nearest_length")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ties_never_pair(strategy):
    assert build_pairs(rollouts([[0.1] * 8, [1.0] * 8], response_len=[5] * 16), PairSpec(strategy=strategy)).is_empty()


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


def test_best_random_takes_the_best_and_anything_below_it():
    rows = rollouts([[0.5, 0.9, 0.1, 0.4]])
    found = {next(iter(ids(build_pairs(rows, PairSpec(strategy="best_random", seed=seed))))) for seed in range(30)}
    assert found == {(101, 100), (101, 102), (101, 103)}


def test_the_sweet_spot_is_not_the_worst():
    group = [0.0, 0.5, *[0.8] * 17, 1.0]
    assert ids(build_pairs(rollouts([group]), PairSpec(strategy="sweet_spot"))) == {(119, 101)}
    assert ids(build_pairs(rollouts([group]), PairSpec(strategy="best_worst"))) == {(119, 100)}


def test_hardest_takes_the_smallest_margin():
    assert ids(build_pairs(rollouts([[0.0, 0.5, 0.75, 1.5]]), PairSpec(strategy="hardest"))) == {(102, 101)}


def test_nearest_length_compares_tokens():
    rows = rollouts([[1, 1, 0, 0]], response_len=[10, 50, 18, 90])
    assert ids(build_pairs(rows, PairSpec(strategy="nearest_length"))) == {(100, 102)}


def draws(*groups, **columns):
    """Two rollouts of one prompt a step, sampled by the policy of that step."""
    steps = [step for step, group in enumerate(groups) for _ in group]
    return rollouts(groups, prompt_id=["p"] * len(steps), policy_version=steps, **columns)


def test_tied_draws_of_a_prompt_pair_across_steps():
    rows = draws([0, 0], [1, 1])
    assert build_pairs(rows, PairSpec()).is_empty()
    pairs = build_pairs(rows, PairSpec(cross_step=True, strategy="all"))
    assert ids(pairs) == {(102, 100), (102, 101), (103, 100), (103, 101)}
    assert pairs["staleness"].to_list() == [1] * 4


def test_staleness_is_limited():
    rows = draws([0, 0], [0, 0], [1, 1])
    spec = PairSpec(cross_step=True, strategy="all", max_per_prompt=99, max_staleness=1)
    assert ids(build_pairs(rows, spec)) == {(104, 102), (104, 103), (105, 102), (105, 103)}


def test_versions_of_two_runs_are_not_compared():
    rows = draws([0, 0], [1, 1], run_id=["a", "a", "b", "b"])
    assert build_pairs(rows, PairSpec(cross_step=True))["staleness"].to_list() == [None]
    assert build_pairs(rows, PairSpec(cross_step=True, max_staleness=9)).is_empty()


def test_a_problem_that_was_put_in_other_words_is_another_prompt():
    rows = draws([0, 0], [1, 1], prompt_ids=[[1, 2], [1, 2], [9, 1, 2], [9, 1, 2]])
    assert build_pairs(rows, PairSpec(cross_step=True)).is_empty()
    same = rows.with_columns(prompt_ids=pl.Series([[1, 2]] * 4))
    assert build_pairs(same, PairSpec(cross_step=True)).height == 1


def test_one_model_can_be_asked_for():
    rows = rollouts([[1, 0], [1, 0], [1, 0]], model_id=["a", "a", "a", "b", None, None])
    assert ids(build_pairs(rows, PairSpec(same_model=True))) == {(100, 101)}


def test_equal_responses_count_once():
    rows = rollouts([[1, 0], [1, 0], [1, 0]], response_ids=[[1], [2], [1], [2], [1], [3]], prompt_id=["p"] * 6)
    assert build_pairs(rows, PairSpec()).height == 3
    assert build_pairs(rows, PairSpec(dedupe=True)).height == 2
    apart = rows.with_columns(prompt_id=pl.Series(list("aabbcc")))
    assert build_pairs(apart, PairSpec(dedupe=True)).height == 3


def test_a_group_of_two_prompts_is_bad_data():
    with pytest.raises(DataError, match="group_id 0 has rollouts of several prompts"):
        build_pairs(rollouts([[1, 0]], prompt_id=["a", "b"]), PairSpec())


@pytest.mark.parametrize(
    ("spec", "column"),
    [
        ({"max_staleness": 3}, "policy_version"),
        ({"same_model": True}, "model_id"),
        ({"cross_step": True}, "prompt_id"),
        ({"dedupe": True}, "response_ids"),
    ],
)
def test_what_no_rollout_knows_cannot_be_asked_for(spec, column):
    kind = pl.List(pl.Int32) if column == "response_ids" else pl.String
    rows = rollouts([[1, 0]]).with_columns(pl.lit(None, kind).alias(column))
    with pytest.raises(DataError, match=f"no rollout has {column}, which pairs.{next(iter(spec))}="):
        build_pairs(rows, PairSpec(**spec))


def test_prompts_stand_beside_their_pairs():
    rows = rollouts([[1, 0]] * 40, prompt_id=[f"prompt {row // 2 % 7}" for row in range(80)])
    pairs = build_pairs(rows, PairSpec()).join(rows, left_on="chosen_rollout_id", right_on="rollout_id")
    assert pairs.height == 40
    assert pairs["prompt_id"].to_list() == pairs["prompt_id_right"].to_list()


def test_files_that_are_read_in_parts_make_the_pairs_of_one_table(tmp_path):
    rows = rollouts([[1, 0, 1]] * 200, prompt_id=[f"p{row // 3 % 50}" for row in range(600)])
    rows.write_parquet(tmp_path / "rows.parquet", row_group_size=7)
    spec = PairSpec(strategy="all", cross_step=True)
    assert build_pairs(pl.scan_parquet(tmp_path / "rows.parquet"), spec).equals(build_pairs(rows, spec))


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
    [
        ({"cut_responses": "exclude"}, "finish_reason"),
        ({"length_ratio_max": 2.0}, "response_len"),
        ({"strategy": "nearest_length"}, "response_len"),
        ({"max_staleness": 0}, "policy_version"),
        ({"same_model": True}, "model_id"),
        ({"cross_step": True}, "prompt_id"),
        ({"dedupe": True}, "response_ids"),
    ],
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
        ({"strategy": "best"}, "pairs.strategy=best is unknown; use one of one_random, all, best_worst, best_r"),
        ({"max_staleness": -1}, "pairs.max_staleness=-1 is out of range"),
        ({"max_staleness": 2**32}, "pairs.max_staleness=4294967296 is out of range"),
        ({"max_per_prompt": 2**64}, "expected 1 to 2.64 - 1, or none for no limit"),
        ({"cut_responses": "drop"}, "pairs.cut_responses=drop is unknown"),
        ({"margin": -1.0}, "pairs.margin=-1 is out of range"),
        ({"margin": float("nan")}, "pairs.margin=NaN is out of range"),
        ({"max_per_rollout": 0}, "pairs.max_per_rollout=0 is out of range"),
        ({"length_ratio_max": 0.5}, "pairs.length_ratio_max=0.5 is out of range"),
        ({"seed": -1}, "pairs.seed=-1 is out of range"),
        ({"seed": 2**64}, "pairs.seed=18446744073709551616 is out of range; expected 0 to 2.64 - 1$"),
        ({"seed": "a"}, "pairs.seed is of type str; expected a whole number$"),
        ({"max_per_prompt": 2.5}, "pairs.max_per_prompt is of type float; expected a whole number, or none for no"),
        ({"max_staleness": True}, "pairs.max_staleness is of type bool; expected a whole number, or none for no"),
        ({"margin": "wide"}, "pairs.margin is of type str; expected a number"),
        ({"margin": 10**400}, "pairs.margin is larger than any float"),
        ({"length_ratio_max": "2"}, "pairs.length_ratio_max is of type str; expected a number"),
        ({"dedupe": "yes"}, "pairs.dedupe is of type str; expected true or false"),
        ({"strategy": 3}, "pairs.strategy is of type int; expected a name"),
    ],
)
def test_a_wrong_value_is_named(spec, message):
    with pytest.raises(ConfigError, match=message):
        PairSpec(**spec)


def test_the_names_are_public():
    assert (tg.PairSpec, tg.build_pairs) == (PairSpec, build_pairs)
