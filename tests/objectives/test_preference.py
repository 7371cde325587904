import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from twogrpo.errors import ConfigError, DataError
from twogrpo.objectives import dpo_loss


def logps(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def close(found, expected, atol=1e-10):
    torch.testing.assert_close(torch.as_tensor(found), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=atol)


def softplus(value):
    return math.log1p(math.exp(value))


def test_the_loss_by_hand():
    # Margins .5 * ((-1 + 2) - (-3 + 2)) = 1 and .5 * ((-4 + 3) - (-1 + 3)) = -1.5.
    loss, _ = dpo_loss(logps(-1, -4), logps(-3, -1), logps(-2, -3), logps(-2, -3), beta=0.5, pairs=2)
    close(loss, (softplus(-1.0) + softplus(1.5)) / 2)


def test_label_smoothing_by_hand():
    loss, _ = dpo_loss(logps(-1), logps(-3), logps(-2), logps(-2), beta=0.5, pairs=1, label_smoothing=0.1)
    close(loss, 0.9 * softplus(-1.0) + 0.1 * softplus(1.0))


def test_the_gradient_by_hand():
    chosen, rejected = logps(-1), logps(-3)
    dpo_loss(chosen, rejected, logps(-2), logps(-2), beta=0.5, pairs=1)[0].backward()
    pull = 0.5 / (1 + math.exp(1.0))  # beta * sigmoid(-margin), Eq. 11
    close(chosen.grad, [-pull])
    close(rejected.grad, [pull])


def test_the_reference_receives_no_gradient():
    reference = logps(-2)
    dpo_loss(logps(-1), logps(-3), reference, reference, beta=0.5, pairs=1)[0].backward()
    assert reference.grad is None


def test_a_policy_equal_to_its_reference_loses_log_two():
    values = logps(-1, -20, -300)
    loss, metrics = dpo_loss(values, values - 1, values, values - 1, beta=0.1, pairs=3)
    close(loss, math.log(2))
    assert int(metrics["correct_pairs"]) == 0


def test_metrics_are_sums_over_the_pairs_given():
    _, metrics = dpo_loss(logps(-1, -4), logps(-3, -1), logps(-2, -3), logps(-2, -3), beta=0.5, pairs=64)
    found = {name: float(value) for name, value in metrics.items()}
    assert found == pytest.approx(
        {"margin_sum": -0.5, "correct_pairs": 1, "chosen_reward_sum": 0.0, "rejected_reward_sum": 0.5}
    )
    assert not any(value.requires_grad for value in metrics.values())


@pytest.mark.parametrize("margin", [-1e4, 1e4])
def test_huge_margins_neither_overflow_nor_lose_the_gradient(margin):
    chosen = logps(margin)
    loss, _ = dpo_loss(chosen, logps(0), logps(0), logps(0), beta=1.0, pairs=1)
    loss.backward()
    close(loss, max(-margin, 0.0))
    close(chosen.grad, [-1.0 if margin < 0 else 0.0])


VALUES = st.floats(-200, 0)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=2, max_size=9), st.data())
def test_micro_batches_add_up(rows, data):
    cut = data.draw(st.integers(1, len(rows) - 1))
    columns = torch.tensor(rows, dtype=torch.float64).T.contiguous().requires_grad_()
    whole, metrics = dpo_loss(*columns, beta=0.1, pairs=len(rows), label_smoothing=0.2)
    (gradient,) = torch.autograd.grad(whole, columns)
    parts = [
        dpo_loss(*part, beta=0.1, pairs=len(rows), label_smoothing=0.2) for part in (columns[:, :cut], columns[:, cut:])
    ]
    total = parts[0][0] + parts[1][0]
    torch.testing.assert_close(total, whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.autograd.grad(total, columns)[0], gradient, rtol=1e-12, atol=1e-12)
    for name, value in metrics.items():
        torch.testing.assert_close(parts[0][1][name] + parts[1][1][name], value, rtol=1e-12, atol=1e-9)


def test_no_pairs_give_a_loss_of_zero():
    empty = torch.empty(0, dtype=torch.float64)
    assert float(dpo_loss(empty, empty, empty, empty, beta=0.1, pairs=4)[0]) == 0.0


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(DataError, match=r"\(2,\), \(1,\)"):
        dpo_loss(logps(1, 2), logps(1), logps(1, 2), logps(1, 2), beta=0.1, pairs=2)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"beta": 0.0}, "dpo.beta=0.0"),
        ({"label_smoothing": 0.5}, "dpo.label_smoothing=0.5"),
        ({"label_smoothing": -0.1}, "dpo.label_smoothing=-0.1"),
        ({"pairs": 1}, "pairs=1 is less than the 2 pairs given"),
    ],
)
def test_what_is_out_of_range_is_refused(wrong, named):
    with pytest.raises(ConfigError, match=named):
        dpo_loss(*[logps(1, 2)] * 4, **({"beta": 0.1, "pairs": 2} | wrong))
