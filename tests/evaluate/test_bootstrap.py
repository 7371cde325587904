"""Intervals and p-values against closed forms and simulation."""

from itertools import product
from math import sqrt

import numpy as np
import pytest

from twogrpo.evaluate.bootstrap import Estimate, estimates, sign_flip_p_value


def column(*values):
    return np.array(values, dtype=float)[:, None]


def interval(*tables, resamples=2000, seed=0):
    (overall,), _ = estimates(list(tables), resamples=resamples, seed=seed)
    return overall


def test_equal_seeds_give_equal_intervals():
    table = column(*range(20))
    assert interval(table, seed=3) == interval(table, seed=3)
    assert interval(table, seed=3) != interval(table, seed=4)


def test_problems_that_all_score_the_same_give_a_point():
    assert interval(column(*[0.25] * 12)) == Estimate(0.25, 0.25, 0.25)


def test_a_mean_over_data_sets_counts_a_small_one_as_much():
    assert interval(column(1.0, 1.0, 1.0), column(0.0)).value == 0.5


def test_each_data_set_has_its_own_interval():
    _, (first, second) = estimates([column(1.0, 1.0), column(0.0, 1.0)], resamples=500, seed=0)
    assert first == [Estimate(1.0, 1.0, 1.0)]
    assert (second[0].low, second[0].high) == (0.0, 1.0)


def test_every_column_is_resampled_with_the_same_problems():
    table = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    (first, second), _ = estimates([table], resamples=300, seed=1)
    assert (first.low, first.high) == pytest.approx((1 - second.high, 1 - second.low))


def test_the_width_is_that_of_the_normal_approximation():
    scores = column(*[1.0] * 300 + [0.0] * 700)
    found = interval(scores, resamples=5000)
    half = 1.96 * sqrt(0.3 * 0.7 / 1000)
    assert (found.low, found.high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.003)


def test_blocks_of_draws_make_all_of_them(monkeypatch):
    whole = interval(column(0.0, 1.0, 1.0), resamples=1000)
    monkeypatch.setattr("twogrpo.evaluate.bootstrap._BLOCK", 7)
    assert interval(column(0.0, 1.0, 1.0), resamples=1000) == whole


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng, truth, trials = np.random.default_rng(0), 0.4, 300
    found = [
        interval((rng.random((80, 1)) < truth).astype(float), resamples=300, seed=trial) for trial in range(trials)
    ]
    covered = sum(each.low <= truth <= each.high for each in found) / trials
    assert 0.91 <= covered <= 0.98


def exact_p_value(differences):
    observed = abs(sum(differences))
    flipped = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(value >= observed - 1e-12 for value in flipped) / len(flipped)


@pytest.mark.parametrize("differences", [[1.0] * 6, [0.5, -0.25, 0.75, 0.25, 0.5, 0.0, 1.0], [1.0, -1.0, 0.5]])
def test_the_p_value_is_the_exact_one_up_to_its_draws(differences):
    found = sign_flip_p_value([np.array(differences)], resamples=20_000, seed=0)
    assert found == pytest.approx(exact_p_value(differences), abs=0.01)


def test_models_without_a_difference_have_a_p_value_of_one():
    assert sign_flip_p_value([np.zeros(5)], resamples=100, seed=0) == 1.0


def test_a_p_value_is_never_below_one_over_its_draws():
    assert sign_flip_p_value([np.ones(50)], resamples=999, seed=0) == 1 / 1000


def test_a_data_set_weighs_as_much_in_the_test_as_in_the_mean():
    small, large = np.array([1.0]), np.full(8, -1 / 8)
    # The one problem of the small data set outweighs the eight others in the mean, but is one sign among nine.
    assert sign_flip_p_value([small, large], resamples=20_000, seed=0) == pytest.approx(
        exact_p_value([1.0, *[-1 / 64] * 8]), abs=0.01
    )
