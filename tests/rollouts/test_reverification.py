"""Stored responses judged again."""

import polars as pl
import pytest

from tests.judged_store import RIGHT, UNBOXED, WRONG, judged_rows, store_of, wrongly
from twogrpo import DataError, PairSpec, RolloutStore, StoreError, VerifyError, build_pairs
from twogrpo.rollouts.flipped_pairs import PairFlips
from twogrpo.rollouts.reverification import CHANGE_COLUMNS, RuleChange, reverify
from twogrpo.rollouts.verdict_tables import scan_with_verdicts, verdicts
from twogrpo.verifier import verifier_name


@pytest.fixture
def store(tmp_path):
    """Of three groups the first was judged the wrong way round, the second as tied, the third as it is today."""
    swapped = wrongly(wrongly(judged_rows(0, [(RIGHT, WRONG)]), RIGHT, correct=False), WRONG, correct=True)
    tied = wrongly(judged_rows(1, [(RIGHT, WRONG)]), WRONG, correct=True)
    return store_of(tmp_path / "rollouts", swapped, tied, judged_rows(2, [(RIGHT, WRONG)]))


def test_verdicts_of_today_do_not_change(tmp_path):
    found = reverify(store_of(tmp_path / "s", judged_rows(0, [(RIGHT, WRONG), (UNBOXED, UNBOXED)])))
    assert (found.judged, found.changed, found.changes, found.new) == (4, 0, (), 0)
    assert found.verifiers == {verifier_name("rl"): 4}


def test_changes_are_counted_by_rule(store):
    found = reverify(store)
    assert (found.judged, found.changed, found.rewards) == (6, 3, 3)
    assert found.changes == (
        RuleChange("match", "old", "mismatch", "number", 2, 2),
        RuleChange("mismatch", "old", "match", "identical", 1, 1),
    )


def test_changed_verdicts_are_listed(store):
    row = reverify(store, examples=1).examples.row(0, named=True)
    assert tuple(row) == CHANGE_COLUMNS
    assert (row["step"], row["gold"], row["new_extracted"]) == (0, "4", "4")
    assert (row["old_status"], row["new_status"], row["old_correct"], row["new_correct"]) == (
        "mismatch",
        "match",
        False,
        True,
    )


def test_pairs_that_flip_are_counted(store):
    assert reverify(store).pairs == PairFlips(before=2, reversed=1, tied=0, failed=0, decided=1)


def test_pairs_that_become_ties_are_counted(tmp_path):
    rows = wrongly(judged_rows(0, [(RIGHT, WRONG)]), RIGHT, correct=False)
    rows = rows.with_columns(response=pl.lit(RIGHT), reward=pl.Series([0.0, 1.0], dtype=pl.Float32))
    rows = rows.with_columns(correct=pl.Series([False, True]))
    assert reverify(store_of(tmp_path / "s", rows)).pairs.tied == 1


def test_every_change_goes_into_a_file(store, tmp_path):
    reverify(store, out=str(tmp_path / "changes.parquet"), examples=0)
    assert pl.read_parquet(tmp_path / "changes.parquet").height == 3


def test_segments_stay_as_they_are(store):
    before = [path.read_bytes() for path in store.segments()]
    reverify(store, write=True)
    assert [path.read_bytes() for path in store.segments()] == before
    assert store.check(deep=True).ok


def test_verdicts_are_kept_beside_the_segments(store):
    found = reverify(store, write=True)
    (path,) = found.written
    assert path == store.path / "_verdicts" / "run=r" / f"{verifier_name('rl').replace(':', '-')}.parquet"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    kept = store.scan().select("rollout_id", "step").join(verdicts(store, verifier_name("rl")), on="rollout_id")
    assert kept.filter(step=0).sort("reward").select("status", "reward").collect().rows() == [
        ("mismatch", 0.0),
        ("match", 1.0),
    ]


def test_pairs_are_made_of_kept_verdicts(store):
    reverify(store, write=True)
    again = scan_with_verdicts(store, verifier_name("rl"))
    assert again.collect_schema().names() == store.scan().collect_schema().names()
    pairs = build_pairs(again, PairSpec())
    chosen = store.scan().filter(pl.col("rollout_id").is_in(pairs["chosen_rollout_id"].implode()))
    assert (pairs.height, set(chosen.collect()["response"])) == (3, {RIGHT})


def test_verdicts_that_are_not_there_are_an_error(store):
    with pytest.raises(DataError, match="keeps no verdicts under rl; `twogrpo store reverify RUN --write` makes them"):
        verdicts(store, "rl")


def test_another_profile_can_be_asked(tmp_path):
    found = reverify(store_of(tmp_path / "s", judged_rows(0, [(UNBOXED, WRONG)])), profile="eval")
    assert found.verifiers == {verifier_name("eval"): 2}
    assert (found.changes[0].old_status, found.changes[0].new_status) == ("no_answer", "match")


def test_extraction_rules_are_those_of_the_stored_name(tmp_path):
    rows = judged_rows(0, [("#### 4", "#### 5")]).with_columns(verifier=pl.lit(verifier_name("rl", ["hash"])))
    found = reverify(store_of(tmp_path / "s", rows))
    assert found.examples["new_status"].to_list() == ["match", "mismatch"]
    assert found.verifiers == {verifier_name("rl", ["hash"]): 2}


def test_gold_alternatives_count(tmp_path):
    rows = judged_rows(0, [(WRONG, WRONG)], gold_alternatives=pl.Series([["5"], []]))
    assert reverify(store_of(tmp_path / "s", rows)).examples["rollout_idx"].to_list() == [0]


def test_evaluations_are_judged_and_make_no_pairs(tmp_path):
    rows = wrongly(judged_rows(0, [(RIGHT, WRONG)], profile="eval"), WRONG, correct=True)
    found = reverify(store_of(tmp_path / "s", rows, phase="eval"))
    assert (found.changed, found.examples["phase"].to_list()) == (1, ["eval"])
    assert found.pairs == PairFlips(0, 0, 0, 0, 0)


def test_rewards_of_a_function_are_left_out(tmp_path):
    rows = judged_rows(0, [(RIGHT, WRONG)], verifier=pl.lit("reward.py:score"))
    store = store_of(tmp_path / "s", rows, judged_rows(1, [(RIGHT, WRONG)]))
    found = reverify(store)
    assert (found.judged, list(found.skipped.values())) == (2, [2])
    assert "rewarded by reward.py:score" in next(iter(found.skipped))


def test_rewards_of_a_function_are_judged_under_a_profile(tmp_path):
    rows = judged_rows(0, [(RIGHT, WRONG)], verifier=pl.lit("reward.py:score"), correct=None, status=None)
    found = reverify(store_of(tmp_path / "s", rows), profile="rl")
    assert (found.judged, found.new, found.changed) == (2, 2, 0)


def test_failed_rewards_are_judged_again(tmp_path):
    rows = judged_rows(0, [(RIGHT, WRONG)], is_inert=pl.lit(value=True), status=pl.lit("unparsable_gold"))
    rows = rows.with_columns(reward=pl.lit(None, pl.Float32), correct=pl.lit(value=False))
    found = reverify(store_of(tmp_path / "s", rows))
    assert (found.changed, found.rewards) == (2, 2)
    assert found.pairs.decided == 0


def test_a_store_without_text_is_an_error(tmp_path):
    store = store_of(tmp_path / "s", judged_rows(0, [(RIGHT, WRONG)]).drop("response"))
    with pytest.raises(DataError, match="nothing that the verifier can judge again: 2 without their text"):
        reverify(store)


def test_rows_without_text_are_left_out(tmp_path):
    store = store_of(
        tmp_path / "s", judged_rows(0, [(RIGHT, WRONG)]).drop("response"), judged_rows(1, [(RIGHT, WRONG)])
    )
    assert (reverify(store).judged, list(reverify(store).skipped.values())) == (2, [2])


def test_an_unknown_profile_is_an_error(store):
    with pytest.raises(VerifyError, match="profile"):
        reverify(store, profile="none")


def test_a_cut_response_scored_zero_stays_zero(tmp_path):
    rows = wrongly(judged_rows(0, [(RIGHT, WRONG)]), RIGHT, correct=False)
    rows = rows.with_columns(finish_reason=pl.lit("length"))
    store = store_of(tmp_path / "s", rows)
    assert reverify(store).rewards == 1
    assert (reverify(store, cut_response="zero").changed, reverify(store, cut_response="zero").rewards) == (1, 0)


def test_a_reward_that_was_not_the_verdicts_stays(tmp_path):
    rows = wrongly(judged_rows(0, [(RIGHT, WRONG)]), RIGHT, correct=False)
    store = store_of(tmp_path / "s", rows.with_columns(reward=pl.lit(0.25, pl.Float32)))
    assert (reverify(store).changed, reverify(store).rewards) == (1, 0)


def test_a_damaged_segment_is_one_error(store):
    segment = store.segments()[1]
    segment.write_bytes(segment.read_bytes()[:-9])
    with pytest.raises(StoreError, match="store check"):
        reverify(RolloutStore.open(store.path))
