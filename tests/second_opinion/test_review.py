r"""What math-verify's opinion changes, where `math-verify` is installed."""

import subprocess
import sys

import polars as pl
import pyarrow as pa
import pytest

from twogrpo import verify_batch
from twogrpo.errors import ConfigError, EngineError, VerifyError
from twogrpo.second_opinion import ASKED, SecondOpinion

UNREADABLE = r"\oint f"
HANGING = r"9999999999^{9999999999}"
RESPONSES = [r"\boxed{\frac12}", r"\boxed{x}", r"\boxed{0.50}", "no idea", r"\boxed{5}"]
GOLDS = ["0.5", "y", r"\frac12", "1", UNREADABLE]


@pytest.fixture(scope="module")
def second():
    pytest.importorskip("math_verify", reason="a second opinion needs `pip install math-verify`")
    with SecondOpinion(processes=1, timeout_s=60) as opened:
        yield opened


@pytest.fixture
def raising():
    pytest.importorskip("math_verify", reason="a second opinion needs `pip install math-verify`")
    with SecondOpinion(processes=1, timeout_s=60, may_raise_reward=True) as opened:
        yield opened


@pytest.fixture
def refused():
    """An answer that math-verify accepts and ours does not, under the profile `rl`: a word beside the number."""
    return [r"\boxed{12 \text{ widgets}}"], ["12"]


def test_the_columns_of_the_batch_come_first(second):
    reviewed = second.verify_batch(RESPONSES, GOLDS, profile="rl")
    assert reviewed.select(verify_batch([], []).columns).equals(verify_batch(RESPONSES, GOLDS, profile="rl"))
    assert reviewed.columns[-2:] == ["source", "second"]


def test_only_what_was_found_and_not_accepted_is_asked_about(second):
    reviewed = second.verify_batch([*RESPONSES, r"\boxed{47+86}", r"\boxed{", r"\boxed{}"], [*GOLDS, "133", "1", "1"])
    asked = reviewed.filter(pl.col("second").is_not_null())
    assert set(asked["status"]) <= set(ASKED)
    assert reviewed["second"].to_list() == [None, "mismatch", None, None, "mismatch", None, None, None]


@pytest.mark.parametrize("profile", ["rl", "strict", "string"])
def test_a_match_raises_no_reward_unless_it_may(second, raising, refused, profile):
    before = verify_batch(*refused, profile=profile)
    assert before["reward"].to_list() == [0.0]
    kept, raised = (each.verify_batch(*refused, profile=profile) for each in (second, raising))
    assert kept["second"].to_list() == raised["second"].to_list() == ["match"]
    assert kept.select(before.columns).equals(before)
    assert kept["source"].to_list() == ["twogrpo"]
    assert raised.select("correct", "status", "rule", "reward", "source").row(0) == (
        True,
        "match",
        "math-verify",
        1.0,
        "math-verify",
    )


def test_a_match_counts_under_eval(second):
    refused = [r"\boxed{\frac{d}{dx} x^2}"], ["2x"]
    assert verify_batch(*refused, profile="eval")["correct"].to_list() == [False]
    reviewed = second.verify_batch(*refused, profile="eval")
    assert reviewed.select("correct", "source", "second").row(0) == (True, "math-verify", "match")


def test_no_opinion_takes_a_reward_away_or_makes_a_failure_a_zero(second):
    reviewed = second.verify_batch([r"\boxed{\frac12}", r"\boxed{5}"], ["0.5", UNREADABLE])
    assert reviewed["reward"].to_list() == [1.0, None]


def test_any_of_several_golds(raising):
    reviewed = raising.verify_batch([r"\boxed{12 \text{ widgets}}"] * 2, [["7", "12"], ["7", None]])
    assert reviewed["second"].to_list() == ["match", "mismatch"]


@pytest.mark.parametrize("wrap", [list, pl.Series, pa.array, lambda texts: pa.chunked_array([texts[:2], texts[2:]])])
def test_any_layout_of_text(second, wrap):
    reviewed = second.verify_batch(wrap(RESPONSES), wrap(GOLDS))
    assert reviewed["second"].to_list() == [None, "mismatch", None, None, "mismatch"]


def test_a_worked_solution_is_searched_in_mode_text(raising):
    reviewed = raising.verify_batch([r"\boxed{12 \text{ widgets}}"], [r"so it is \boxed{12}."], mode="text")
    assert reviewed["second"].to_list() == ["match"]


def test_no_rows(second):
    assert second.verify_batch([], []).shape == (0, 7)


def test_what_hangs_costs_its_time_and_nothing_else():
    pytest.importorskip("math_verify", reason="a second opinion needs `pip install math-verify`")
    with SecondOpinion(processes=1, timeout_s=2) as second:
        reviewed = second.verify_batch([rf"\boxed{{{HANGING}}}", r"\boxed{x}"], ["9", "y"])
    assert reviewed["second"].to_list() == ["timeout", "mismatch"]
    assert reviewed["reward"].to_list() == [0.0, 0.0]


def test_an_unknown_profile_is_refused_before_anything_is_asked(second):
    with pytest.raises(VerifyError, match="lenient"):
        second.verify_batch(["1"], ["1"], profile="lenient")


@pytest.mark.parametrize("option", [{"processes": 0}, {"timeout_s": 0.0}, {"total_s": -1.0}, {"memory_bytes": 0}])
def test_a_number_not_above_0_is_refused(option):
    (name,) = option
    with pytest.raises(ConfigError, match=f"{name}=.* is not above 0"):
        SecondOpinion(**option)


def test_without_math_verify_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EngineError, match=r"pip install 'twogrpo\[second-opinion\]'"):
        SecondOpinion()


def test_it_is_not_loaded_unless_asked_for():
    script = "import sys, twogrpo; twogrpo.verify('1', '1'); sys.exit('twogrpo.second_opinion' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
