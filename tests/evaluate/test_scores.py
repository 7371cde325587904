"""pass@k in closed form, and means over data sets."""

import math
from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twogrpo.errors import DataError
from twogrpo.evaluate.scores import ProblemScores, pass_at_k, scores_by_dataset


def problem(dataset, samples, greedy=0.0, failed=0):
    return ProblemScores(dataset, "id", samples, greedy, failed, cut=0, tokens=len(samples))


@pytest.mark.parametrize(
    ("samples", "solved", "k", "expected"),
    [(8, 0, 8, 0.0), (8, 1, 8, 1.0), (8, 2, 1, 0.25), (4, 2, 2, 1 - 1 / 6), (10, 3, 5, 1 - 21 / 252), (5, 5, 1, 1.0)],
)
def test_pass_at_k_in_closed_form(samples, solved, k, expected):
    assert pass_at_k(samples, solved, k) == pytest.approx(expected, abs=1e-15)


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one(numbers):
    samples, solved, k = numbers
    tries = [index < solved for index in range(samples)]
    assert pass_at_k(samples, solved, k) == pytest.approx(fmean(any(draw) for draw in combinations(tries, k)))


def test_pass_at_1_is_the_mean():
    assert pass_at_k(7, 3, 1) == pytest.approx(3 / 7)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_pass_at_k_is_unbiased(rate):
    samples, k = 6, 3
    expected = sum(
        math.comb(samples, c) * rate**c * (1 - rate) ** (samples - c) * pass_at_k(samples, c, k)
        for c in range(samples + 1)
    )
    assert expected == pytest.approx(1 - (1 - rate) ** k)


@pytest.mark.parametrize("numbers", [(8, 9, 1), (8, -1, 1), (8, 1, 0), (8, 1, 9), (0, 0, 0)])
def test_numbers_that_do_not_fit_are_refused(numbers):
    with pytest.raises(DataError, match="is undefined"):
        pass_at_k(*numbers)


def test_a_data_set_is_the_mean_over_its_problems():
    problems = [problem("a", (1.0, 0.0), 1.0), problem("a", (0.0, 0.0), 0.0, 2)]
    scores = scores_by_dataset(problems)["a"]
    assert (scores.problems, scores.mean_at_k, scores.pass_at_k, scores.greedy, scores.failed) == (2, 0.25, 0.5, 0.5, 2)


def test_data_sets_keep_apart_and_in_order():
    problems = [problem("b", (1.0,)), problem("a", (0.0,))]
    assert {name: scores.mean_at_k for name, scores in scores_by_dataset(problems).items()} == {"b": 1.0, "a": 0.0}


def test_half_a_reward_is_no_solution():
    assert scores_by_dataset([problem("a", (0.5, 0.5))])["a"].pass_at_k == 0.0
