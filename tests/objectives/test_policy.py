import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from twogrpo.errors import ConfigError, DataError
from twogrpo.objectives import contributes, policy_loss

AGGREGATES = ["sequence_mean", "token_mean", "constant"]
NAN, INF = math.nan, math.inf


def floats(values):
    return torch.tensor(values, dtype=torch.float64)


def close(found, expected, atol=1e-10):
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=torch.float64), rtol=0, atol=atol)


def loss_of(ratios, advantages, mask=None, **settings):
    """The loss and the gradient with respect to logprobs, for ratios given as numbers."""
    ratios = floats(ratios)
    mask = torch.ones_like(ratios, dtype=torch.bool) if mask is None else torch.tensor(mask)
    logps = ratios.log().requires_grad_()
    denominators = {"rollouts": len(ratios), "tokens": int(mask.sum()), "max_tokens": 8}
    loss, metrics = policy_loss(logps, torch.zeros_like(ratios), floats(advantages), mask, **(denominators | settings))
    loss.backward()
    return loss.detach(), logps.grad, metrics


# -- Eq. 5 by hand


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "slope"),
    [
        (1.0, 1.0, 1.0, 1.0),
        (1.1, 1.0, 1.1, 1.1),
        (1.3, 1.0, 1.2, 0.0),  # clipped from above
        (0.5, 1.0, 0.5, 0.5),  # a good token that became rarer is always pulled back
        (0.9, -1.0, -0.9, -0.9),
        (0.7, -1.0, -0.8, 0.0),  # clipped from below
        (5.0, -1.0, -5.0, -5.0),  # a bad token that became likelier is always pushed down
        (1.3, 0.0, 0.0, 0.0),
    ],
)
def test_one_token(ratio, advantage, objective, slope):
    loss, gradient, _ = loss_of([[ratio]], [advantage])
    close(loss, -objective)
    close(gradient, [[-slope]])


def test_clip_low_and_high_are_apart():
    close(loss_of([[2.0]], [1.0], clip_low=0.4, clip_high=0.5)[0], -1.5)
    close(loss_of([[0.1]], [-1.0], clip_low=0.4, clip_high=0.5)[0], 0.6)


# Row 0: 1.0, 1.1 of 2 tokens, A = 1. Row 1: 0.9 of 1 token, A = -2. Row 2: no token.
THREE = {
    "ratios": [[1.0, 1.1, 1.0], [0.9, 1.0, 1.0], [1.0, 1.0, 1.0]],
    "advantages": [1.0, -2.0, 3.0],
    "mask": [[True, True, False], [True, False, False], [False, False, False]],
}


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("sequence_mean", -(2.1 / 2 - 1.8) / 3),
        ("token_mean", -(2.1 - 1.8) / 3),
        ("constant", -(2.1 - 1.8) / (3 * 8)),
    ],
)
def test_aggregations_by_hand(aggregate, expected):
    close(loss_of(**THREE, aggregate=aggregate)[0], expected)


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("sequence_mean", -(2.1 / 2 - 1.8) / 10),
        ("token_mean", -(2.1 - 1.8) / 50),
        ("constant", -(2.1 - 1.8) / 80),
    ],
)
def test_the_denominators_are_those_passed_in(aggregate, expected):
    close(loss_of(**THREE, aggregate=aggregate, rollouts=10, tokens=50)[0], expected)


def test_weights_multiply_each_tokens_term():
    weights = floats([[2.0, 0.5, NAN], [0.25, NAN, NAN], [NAN, NAN, NAN]])
    loss, gradient, _ = loss_of(**THREE, aggregate="token_mean", weights_BT=weights)
    close(loss, -(2.0 + 0.55 - 0.45) / 3)
    close(gradient[:2, 0], [-2.0 / 3, 0.45 / 3])


def test_old_logprobs_advantages_and_weights_receive_no_gradient():
    fixed = [
        torch.zeros(1, 2, requires_grad=True),
        torch.ones(1, requires_grad=True),
        torch.ones(1, 2, requires_grad=True),
    ]
    old_BT, advantages_B, weights_BT = fixed
    logps_BT = torch.zeros(1, 2, requires_grad=True)
    mask_BT = torch.ones(1, 2, dtype=torch.bool)
    policy_loss(logps_BT, old_BT, advantages_B, mask_BT, rollouts=1, tokens=2, weights_BT=weights_BT)[0].backward()
    assert [tensor.grad for tensor in fixed] == [None, None, None]


# -- what must not leak


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("poison", [NAN, INF, -INF])
def test_masked_positions_are_never_read(aggregate, poison):
    mask_BT = torch.tensor(THREE["mask"])
    old_BT = floats(THREE["ratios"]).log()
    clean_BT = torch.zeros(3, 3, dtype=torch.float64)
    results = []
    for fill in (0.0, poison):
        logps_BT = clean_BT.masked_fill(~mask_BT, fill).requires_grad_()
        old = old_BT.masked_fill(~mask_BT, fill)
        loss, metrics = policy_loss(
            logps_BT, old, floats(THREE["advantages"]), mask_BT, aggregate=aggregate, rollouts=3, tokens=3, max_tokens=8
        )
        loss.backward()
        results.append([loss.detach(), logps_BT.grad, *metrics.values()])
    assert all(torch.equal(clean, poisoned) for clean, poisoned in zip(*results, strict=True))


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_a_row_without_tokens_has_zero_gradient(aggregate):
    assert loss_of(**THREE, aggregate=aggregate)[1][2].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_a_batch_without_tokens_costs_nothing_and_can_be_differentiated(shape):
    logps_BT = torch.zeros(shape, requires_grad=True)
    loss, metrics = policy_loss(logps_BT, logps_BT, torch.ones(shape[0]), logps_BT == 0, rollouts=4, tokens=4)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert {name: float(value) for name, value in metrics.items()} == dict.fromkeys(metrics, 0.0)


@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("log_ratio", [-1000.0, 1000.0])
def test_absurd_ratios_stay_finite_in_float32(log_ratio, advantage):
    logps_BT = torch.tensor([[log_ratio]], requires_grad=True)
    loss, metrics = policy_loss(
        logps_BT, torch.zeros(1, 1), torch.tensor([advantage]), torch.tensor([[True]]), rollouts=1, tokens=1
    )
    loss.backward()
    assert all(torch.isfinite(value).all() for value in (loss, logps_BT.grad, *metrics.values()))


# -- metrics


def test_metrics_are_sums_over_tokens():
    ratios = [[1.3, 0.5, 1.0], [0.7, 1.3, 9.0]]
    _, _, metrics = loss_of(ratios, [1.0, -1.0], [[True] * 3, [True, True, False]])
    found = {name: float(value) for name, value in metrics.items()}
    kl = sum(ratio - 1 - math.log(ratio) for ratio in (1.3, 0.5, 1.0, 0.7, 1.3))
    assert found == pytest.approx(
        {
            "tokens": 5,
            "clipped_low_tokens": 1,
            "clipped_high_tokens": 1,
            "ratio_sum": 4.8,
            "ratio_max": 1.3,
            "approx_kl_sum": kl,
        },
        abs=1e-12,
    )


def test_clipped_tokens_are_those_without_gradient():
    ratios = [[0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 3.0]] * 2
    _, gradient, metrics = loss_of(ratios, [1.0, -1.0])
    clipped = int(metrics["clipped_low_tokens"] + metrics["clipped_high_tokens"])
    assert clipped == int((gradient == 0).sum()) == 4


# -- a batch in parts


@st.composite
def batches(draw):
    rows, longest = draw(st.integers(2, 8)), draw(st.integers(1, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    logps_BT, drift_BT = torch.randn(2, rows, longest, generator=generator, dtype=torch.float64)
    lengths_B = torch.randint(0, longest + 1, (rows,), generator=generator)
    advantages_B = torch.randint(-1, 2, (rows,), generator=generator).double()
    mask_BT = torch.arange(longest) < lengths_B[:, None]
    return logps_BT - 2, logps_BT - 2 + 0.3 * drift_BT, advantages_B, mask_BT


def gradient_over(parts, logps_BT, old_BT, advantages_B, mask_BT, **settings):
    """The summed gradient with respect to all logprobs of losses over parts of the rows, and the summed loss."""
    leaf_BT = logps_BT.clone().requires_grad_()
    total = leaf_BT.sum() * 0
    for rows in parts:
        total = total + policy_loss(leaf_BT[rows], old_BT[rows], advantages_B[rows], mask_BT[rows], **settings)[0]
    return torch.autograd.grad(total, leaf_BT)[0], total.detach()


def denominators(mask_BT):
    return {"rollouts": len(mask_BT), "tokens": max(1, int(mask_BT.sum())), "max_tokens": 5}


@pytest.mark.parametrize("aggregate", AGGREGATES)
@given(batches(), st.integers(0, 8))
def test_micro_batches_add_up_to_the_batch(aggregate, batch, cut):
    rows = torch.arange(len(batch[0]))
    settings = {"aggregate": aggregate, **denominators(batch[3])}
    for found, expected in zip(
        gradient_over([rows[:cut], rows[cut:]], *batch, **settings),
        gradient_over([rows], *batch, **settings),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@given(batches(), st.integers(0, 8))
def test_metrics_of_micro_batches_add_up(batch, cut):
    settings = denominators(batch[3])
    whole = policy_loss(*batch, **settings)[1]
    parts = [policy_loss(*[tensor[rows] for tensor in batch], **settings)[1] for rows in (slice(cut), slice(cut, None))]
    for name, value in whole.items():
        merged = torch.stack([part[name] for part in parts])
        torch.testing.assert_close(merged.amax() if name == "ratio_max" else merged.sum(), value, rtol=0, atol=1e-12)


# -- leaving out rollouts of zero advantage, through a network


def test_contributes_names_every_advantage_that_is_not_exactly_zero():
    assert contributes(floats([1.0, 0.0, -0.0, -1.0, 5e-324])).tolist() == [True, False, False, True, True]


class Rollouts:
    """Eight rollouts of four prompts under a small network; two prompts are tied."""

    advantages_B = floats([1, -1, 0, 0, -1, 1, 0, 0])
    mask_BT = torch.arange(6) < torch.tensor([6, 2, 5, 1, 3, 0, 4, 6])[:, None]

    def __init__(self):
        generator = torch.Generator().manual_seed(7)
        self.inputs_BTD = torch.randn(8, 6, 3, generator=generator, dtype=torch.float64)
        self.targets_BT = torch.randint(0, 5, (8, 6), generator=generator)
        self.net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 5)).double()
        for weight in self.net.parameters():
            torch.nn.init.normal_(weight, generator=generator)
        drift_BT = torch.randn(8, 6, generator=generator, dtype=torch.float64)
        self.old_BT = self.logps(slice(None)).detach() + 0.2 * drift_BT

    def logps(self, rows):
        logps_BTV = self.net(self.inputs_BTD[rows]).log_softmax(-1)
        return logps_BTV.gather(2, self.targets_BT[rows][:, :, None]).squeeze(2)

    def backward(self, rows, **settings):
        for weight in self.net.parameters():
            weight.grad = torch.zeros_like(weight)
        loss, _ = policy_loss(
            self.logps(rows),
            self.old_BT[rows],
            self.advantages_B[rows],
            self.mask_BT[rows],
            **({"rollouts": 8, "tokens": 27, "max_tokens": 6} | settings),
        )
        loss.backward()
        return torch.cat([weight.grad.flatten() for weight in self.net.parameters()])


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_the_gradient_without_ties_is_the_gradient_with_them(aggregate):
    rollouts = Rollouts()
    kept = contributes(rollouts.advantages_B)
    whole = rollouts.backward(slice(None), aggregate=aggregate)
    torch.testing.assert_close(rollouts.backward(kept, aggregate=aggregate), whole, rtol=0, atol=1e-12)
    # The same comparison fails where the denominators count only what is kept.
    counted = {"rollouts": int(kept.sum()), "tokens": int(rollouts.mask_BT[kept].sum())}
    inflated = rollouts.backward(kept, aggregate=aggregate, **counted)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(inflated, whole, rtol=0, atol=1e-12)
    factor = 27 / 11 if aggregate == "token_mean" else 2.0
    torch.testing.assert_close(inflated, factor * whole, rtol=0, atol=1e-12)


def test_a_tied_rollout_has_zero_gradient_whatever_the_policy_says():
    rollouts = Rollouts()
    assert not rollouts.backward(~contributes(rollouts.advantages_B)).any()


def weights_after(*, is_skipped):
    """Weights after two decided steps, then one of ties only, under Adam with decay."""
    rollouts = Rollouts()
    optimizer = torch.optim.Adam(rollouts.net.parameters(), lr=1e-2, weight_decay=1e-2)
    for _ in range(2):
        rollouts.backward(slice(None))
        optimizer.step()
    before = torch.cat([weight.detach().flatten() for weight in rollouts.net.parameters()])
    rollouts.advantages_B = torch.zeros(8, dtype=torch.float64)
    if is_skipped:
        for weight in rollouts.net.parameters():
            weight.grad = torch.zeros_like(weight)
    else:
        rollouts.backward(slice(None))
    optimizer.step()
    return before, torch.cat([weight.detach().flatten() for weight in rollouts.net.parameters()])


def test_a_step_of_ties_only_moves_the_weights_as_the_unskipped_step_does():
    before, unskipped = weights_after(is_skipped=False)
    assert not torch.equal(before, unskipped)
    assert torch.equal(weights_after(is_skipped=True)[1], unskipped)


# -- bad input


def test_shapes_that_would_broadcast_are_refused():
    logps_BT, mask_BT = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)
    for old, advantages, mask, named in [
        (torch.zeros(2, 1), torch.ones(2), mask_BT, "old_logps_BT"),
        (logps_BT, torch.ones(2, 1), mask_BT, "advantages"),
        (logps_BT, torch.ones(2), mask_BT[0], "mask_BT"),
    ]:
        with pytest.raises(DataError, match=named):
            policy_loss(logps_BT, old, advantages, mask, rollouts=2, tokens=6)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"aggregate": "mean"}, "use one of sequence_mean, token_mean, constant"),
        ({"rollouts": 0}, "rollouts=0"),
        ({"tokens": 0}, "tokens=0"),
        ({"aggregate": "constant", "max_tokens": None}, "needs max_tokens of at least 1, found None"),
        ({"clip_low": 1.1}, "objective.clip_low=1.1"),
        ({"clip_high": -0.1}, "objective.clip_high=-0.1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, named):
    with pytest.raises(ConfigError, match=named):
        loss_of([[1.0]], [1.0], **wrong)
