"""Every line of docs/equality.md is what the verifier says, and the page has every line."""

import pytest

from tests.equality.case import Case
from tests.equality.cases import CASES, RULES
from tests.equality.page import PAGE, written


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.answer} for {case.gold}")
def test_an_answer_is_judged_as_the_page_says(case):
    assert case.found == case.verdicts


def test_the_page_is_up_to_date():
    is_current = PAGE.read_text(encoding="utf-8") == written()
    assert is_current, "docs/equality.md is stale; make equality-page writes it"


def test_no_pair_and_no_rule_stands_twice():
    assert len({(case.answer, case.gold) for case in CASES}) == len(CASES)
    assert len({rule.title for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.title != "Never right"], ids=lambda rule: rule.title)
def test_a_rule_shows_where_it_holds_and_where_it_ends(rule):
    words = {word for case in rule.cases for word in case.verdicts}
    assert "yes" in words
    assert words & {"no", "unevaluated"} or rule.title == "Spelling"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.answer} for {case.gold}")
def test_a_reward_is_never_easier_to_have_than_a_score(case):
    rewarded, scored, _ = case.verdicts
    assert rewarded != "yes" or scored == "yes"


@pytest.mark.parametrize("expected", ["yes", "yes no maybe", "yes no no no"])
def test_a_slip_in_the_table_is_seen(expected):
    with pytest.raises(ValueError, match="is not one of"):
        _ = Case("1", "1", expected).verdicts
