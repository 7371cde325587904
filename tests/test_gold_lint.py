"""The lint of gold answers: which rows are named, and why."""

import json

import pytest

from twogrpo.errors import DataError, VerifyError
from twogrpo.gold_lint import lint_golds
from twogrpo.verifier import verify


def lint(*golds, profile="rl"):
    return lint_golds([[gold] if isinstance(gold, str) else gold for gold in golds], profile=profile)


def test_good_golds_are_named_nowhere():
    found = lint("5", "0", "1", r"\frac12", "x=3", "(1,2)", r"\text{Tuesday}", "C")
    assert (found.rows, found.failing, found.several_valued, found.alternatives) == (8, (), (), ())


def test_a_blank_gold_is_empty_and_not_unparsable_too():
    found = lint("5", " ", ["1", ""])
    assert (found.empty, found.unparsable, found.failing) == ((1, 2), (), (1, 2))


def test_a_gold_that_is_not_understood_is_unparsable():
    assert lint("5", r"\oint f", ["0", r"\oint f"], ["1", r"\oint f"]).unparsable == (1, 2, 3)


@pytest.mark.parametrize("gold", [r"\oint f", "5 is prime. So 7", "0", "1", r"\text{Tuesday}", "3x"])
def test_unparsable_is_what_leaves_a_wrong_answer_without_reward(gold):
    is_failure = verify(r"\boxed{123456}", gold).reward is None
    assert lint(gold).unparsable == ((0,) if is_failure else ())


@pytest.mark.parametrize("gold", ["}3", "?", r"\text{a} } b"])
def test_a_gold_that_no_box_can_hold_is_unverified(gold):
    assert lint("5", gold).unverified == (1,)


def test_the_profile_decides():
    gold = r"\oint f"
    assert lint(gold, profile="rl").unparsable == (0,)
    assert lint(gold, profile="string").unparsable == ()


def test_several_values_in_a_gold_are_told_from_several_golds():
    found = lint("1, 2", ["1", "2"], r"\pm 3", "(1,2)")
    assert (found.several_valued, found.alternatives) == ((0, 2), (1,))


def test_kinds_are_counted_over_all_golds():
    found = lint("5", ["6", "0.5"])
    assert list(found.kinds.items()) == [("integer", 2), ("decimal", 1)]


def test_no_rows_are_fine():
    assert lint().rows == 0


def test_a_row_without_gold_is_refused():
    with pytest.raises(DataError, match=r"golds\[1\] is empty"):
        lint("1", [])


def test_an_unknown_profile_is_refused():
    with pytest.raises(VerifyError, match="lenient"):
        lint("1", profile="lenient")


@pytest.mark.parametrize("name", ["gsm8k_test", "math500", "aime25", "amc23", "dapo_math_17k"])
def test_well_kept_data_sets_are_clean(shared_material, name):
    lines = (shared_material / "data" / f"{name}.jsonl").read_text().rstrip("\n").split("\n")
    assert lint(*(json.loads(line)["answer"] for line in lines)).failing == ()
