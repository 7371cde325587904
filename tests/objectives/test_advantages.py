import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from twogrpo.errors import ConfigError, DataError
from twogrpo.objectives import group_advantages

FINITE = st.floats(allow_nan=False, allow_infinity=False)
# Sixty-fourths add without rounding, so that a shift of the rewards is exact.
EXACT = st.integers(-640, 640).map(lambda number: number / 64)


def rewards(*rows, dtype=torch.float64):
    return torch.tensor(rows, dtype=dtype)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_decided_pair_is_exactly_plus_and_minus_one(dtype):
    found = group_advantages(rewards([1, 0], [0, 1], [0.1, 0.3], dtype=dtype))
    assert found.tolist() == [[1.0, -1.0], [-1.0, 1.0], [-1.0, 1.0]]
    assert found.dtype == dtype


@given(FINITE, FINITE)
def test_any_two_different_rewards_are_exactly_plus_and_minus_one(first, second):
    assume(first != second)
    sign = 1.0 if first > second else -1.0
    assert group_advantages(rewards([first, second])).tolist() == [[sign, -sign]]


@pytest.mark.parametrize(
    "pair", [(0.0, 5e-324), (1.7e308, -1.7e308), (1.0, 1.0 + 2**-52), (1e308, 1e308 * (1 - 2**-53))]
)
def test_exactness_holds_at_the_ends_of_the_floats(pair):
    assert sorted(group_advantages(rewards(pair))[0].tolist()) == [-1.0, 1.0]


@pytest.mark.parametrize("std", ["population", "sample", "none"])
@pytest.mark.parametrize("group_size", range(2, 17))
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -0.7, 1e30])
def test_equal_rewards_give_exact_zeros(value, group_size, std):
    found = group_advantages(torch.full((1, group_size), value), std=std, eps=0.0)
    assert found.tolist() == [[0.0] * group_size]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(2, 16))
def test_equal_rewards_of_any_value_give_exact_zeros(value, group_size):
    assert not group_advantages(torch.full((1, group_size), value)).any()


def test_minus_zero_and_zero_are_tied():
    assert not group_advantages(rewards([0.0, -0.0])).any()


def test_rewards_that_differ_by_rounding_are_not_tied():
    assert group_advantages(rewards([0.1 + 0.2, 0.3])).tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize("group_size", range(2, 17))
def test_binary_rewards_follow_equation_20(group_size):
    for correct in range(1, group_size):
        found = group_advantages(rewards([1.0] * correct + [0.0] * (group_size - correct)))[0]
        share = correct / group_size
        close(found[0], rewards(math.sqrt((1 - share) / share))[0])
        close(found[-1], rewards(-math.sqrt(share / (1 - share)))[0])


def test_population_std_by_hand():
    # Mean 3, deviations -2 -1 0 3, population variance 14 / 4.
    expected = [deviation / math.sqrt(3.5) for deviation in (-2, -1, 0, 3)]
    close(group_advantages(rewards([1, 2, 3, 6])), rewards(expected))


def test_sample_std_by_hand():
    expected = [deviation / (math.sqrt(14 / 3) + 1e-4) for deviation in (-2, -1, 0, 3)]
    close(group_advantages(rewards([1, 2, 3, 6]), std="sample", eps=1e-4), rewards(expected))


def test_sample_std_of_a_pair_hides_a_factor_of_root_two():
    close(group_advantages(rewards([1, 0]), std="sample"), rewards([math.sqrt(0.5), -math.sqrt(0.5)]))


def test_no_std_leaves_the_deviations():
    close(
        group_advantages(rewards([1, 2, 3, 6], [1, 0, 0, 0]), std="none"), rewards([-2, -1, 0, 3], [0.75] + [-0.25] * 3)
    )


def test_eps_is_in_units_of_the_reward():
    close(group_advantages(rewards([10, 0]), eps=5.0), rewards([0.5, -0.5]))


def test_rows_are_normalised_apart():
    together = group_advantages(rewards([1, 0, 0], [5, 5, 1], [2, 2, 2]))
    apart = torch.cat([group_advantages(rewards(row)) for row in ([1, 0, 0], [5, 5, 1], [2, 2, 2])])
    assert torch.equal(together, apart)


@given(
    st.lists(EXACT, min_size=2, max_size=16),
    st.randoms(use_true_random=False),
    st.sampled_from(["population", "sample", "none"]),
)
def test_permuting_members_permutes_advantages(row, random, std):
    order = list(range(len(row)))
    random.shuffle(order)
    found = group_advantages(rewards([row[index] for index in order]), std=std)
    close(found, group_advantages(rewards(row), std=std)[:, order])


@given(st.lists(EXACT, min_size=2, max_size=16), EXACT, st.sampled_from(["population", "sample", "none"]))
def test_adding_a_constant_leaves_advantages(row, constant, std):
    found = group_advantages(rewards([reward + constant for reward in row]), std=std)
    close(found, group_advantages(rewards(row), std=std))


@given(st.lists(FINITE, min_size=2, max_size=16))
def test_population_advantages_have_mean_zero_and_variance_one_unless_tied(row):
    found = group_advantages(rewards(row))[0]
    assert abs(float(found.mean())) < 1e-9
    expected = 0.0 if max(row) == min(row) else 1.0
    assert float(found.square().mean()) == pytest.approx(expected, abs=1e-9)


def test_no_gradient_flows_into_rewards():
    assert not group_advantages(rewards([1, 0]).requires_grad_()).requires_grad


def test_no_prompts_give_no_advantages():
    assert group_advantages(torch.empty(0, 2)).shape == (0, 2)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_not_finite_is_refused_by_row(bad):
    with pytest.raises(DataError, match=rf"row 1, member 0 is {bad}"):
        group_advantages(rewards([1, 0], [bad, 0]))


def test_a_group_of_one_is_refused():
    with pytest.raises(DataError, match="row 0 has 1 rewards; a group needs at least 2"):
        group_advantages(rewards([1], [0]))


@pytest.mark.parametrize("wrong", [torch.zeros(4), torch.zeros(2, 2, 2), torch.zeros(2, 2, dtype=torch.int64)])
def test_anything_but_a_matrix_of_floats_is_refused(wrong):
    with pytest.raises(DataError, match="expected floats of shape"):
        group_advantages(wrong)


def test_an_unknown_std_is_refused():
    with pytest.raises(ConfigError, match="use one of population, sample, none"):
        group_advantages(rewards([1, 0]), std="batch")


@pytest.mark.parametrize("eps", [-1e-9, math.nan])
def test_a_negative_eps_is_refused(eps):
    with pytest.raises(ConfigError, match=r"advantage\.eps"):
        group_advantages(rewards([1, 0]), eps=eps)
