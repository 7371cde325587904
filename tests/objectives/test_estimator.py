"""What 2-GRPO estimates, by enumerating every pair of responses of a policy small enough to enumerate."""

import itertools
import math

import pytest
import torch

from twogrpo.objectives import group_advantages, policy_loss

VOCABULARY, STOP = 3, 2


class Enumerated:
    """A policy over the responses "stop" and "a, b" with a not stop, its parameters, and a verifier's rewards."""

    def __init__(self):
        generator = torch.Generator().manual_seed(11)
        self.first_V = torch.randn(VOCABULARY, generator=generator, dtype=torch.float64).requires_grad_()
        self.second_VV = torch.randn(VOCABULARY, VOCABULARY, generator=generator, dtype=torch.float64).requires_grad_()
        self.responses = [(STOP,), *itertools.product(range(2), range(VOCABULARY))]
        self.rewards_B = torch.tensor([1.0, 0, 1, 0, 0, 1, 0], dtype=torch.float64)
        self.mask_BT = torch.tensor([[True, len(response) > 1] for response in self.responses])

    @property
    def parameters(self):
        return [self.first_V, self.second_VV]

    def logps(self):
        first_V, second_VV = self.first_V.log_softmax(0), self.second_VV.log_softmax(1)
        rows = [
            torch.stack([first_V[response[0]], second_VV[response] if len(response) > 1 else first_V[0] * 0])
            for response in self.responses
        ]
        return torch.stack(rows)

    def probabilities(self):
        return self.logps().sum(dim=1).exp()

    def gradient(self, value):
        return torch.cat([part.flatten() for part in torch.autograd.grad(value, self.parameters)])

    def mean_score(self, reward):
        """g+ or g-: the expected gradient of log pi over the responses of one reward."""
        chosen = self.rewards_B == reward
        weights = self.probabilities().detach() * chosen
        return self.gradient((weights / weights.sum() * self.logps().sum(dim=1)).sum())

    def pass_rate(self):
        return float((self.probabilities() * self.rewards_B).sum().detach())

    def expected_ascent(self, *, ties, aggregate="constant"):
        """The expectation of minus the loss's gradient over all ordered pairs, ties counted or dropped."""
        probabilities_B, total, kept = self.probabilities().detach(), 0.0, 0.0
        for pair in itertools.product(range(len(self.responses)), repeat=2):
            rows = list(pair)
            advantages_B = group_advantages(self.rewards_B[rows][None])[0]
            if ties == "drop" and not advantages_B.any():
                continue
            logps_BT, chance = self.logps()[rows], probabilities_B[rows].prod()
            loss, _ = policy_loss(
                logps_BT, logps_BT, advantages_B, self.mask_BT[rows],
                aggregate=aggregate, rollouts=2, tokens=4, max_tokens=1,
            )  # fmt: skip
            total, kept = total - chance * self.gradient(loss), kept + chance
        return total / kept


@pytest.fixture(scope="module")
def policy():
    return Enumerated()


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_the_policy_is_one(policy):
    assert float(policy.probabilities().sum().detach()) == pytest.approx(1.0, abs=1e-12)
    assert 0.2 < policy.pass_rate() < 0.8


def test_with_ties_counted_the_expectation_is_the_gradient_of_the_expected_reward(policy):
    expected_reward = (policy.probabilities() * policy.rewards_B).sum()
    close(policy.expected_ascent(ties="count"), policy.gradient(expected_reward))


def test_with_ties_counted_a_prompt_weighs_p_times_one_minus_p(policy):
    p = policy.pass_rate()
    contrast = policy.mean_score(1.0) - policy.mean_score(0.0)
    close(policy.expected_ascent(ties="count"), p * (1 - p) * contrast)


def test_with_ties_dropped_equation_13_remains_a_constant_half(policy):
    contrast = policy.mean_score(1.0) - policy.mean_score(0.0)
    close(policy.expected_ascent(ties="drop"), 0.5 * contrast)


def test_with_ties_dropped_the_expectation_is_not_the_gradient_of_the_expected_reward(policy):
    expected_reward = (policy.probabilities() * policy.rewards_B).sum()
    with pytest.raises(AssertionError):
        close(policy.expected_ascent(ties="drop"), policy.gradient(expected_reward))


def test_means_over_tokens_point_elsewhere_so_unbiased_holds_for_sums_only(policy):
    summed = policy.expected_ascent(ties="count")
    averaged = policy.expected_ascent(ties="count", aggregate="sequence_mean")
    assert float(torch.cosine_similarity(summed, averaged, dim=0)) < 0.999


def prompt_weight(p, group_size):
    """E[(1/G) sum of A r]: what multiplies g+ - g- at pass rate p, over the binomial number of correct rollouts."""
    weight = 0.0
    for correct in range(group_size + 1):
        rewards = torch.tensor([[1.0] * correct + [0.0] * (group_size - correct)], dtype=torch.float64)
        chance = math.comb(group_size, correct) * p**correct * (1 - p) ** (group_size - correct)
        weight += chance * float((group_advantages(rewards) * rewards).mean())
    return weight


@pytest.mark.parametrize("p", [0.02, 0.18, 0.5, 0.9])
def test_a_prompt_weighs_p_times_one_minus_p_at_group_size_two(p):
    assert prompt_weight(p, 2) == pytest.approx(p * (1 - p), abs=1e-12)


@pytest.mark.parametrize("p", [0.18, 0.5, 0.9])
def test_a_prompt_weighs_the_standard_deviation_in_large_groups(p):
    assert prompt_weight(p, 256) == pytest.approx(math.sqrt(p * (1 - p)), rel=0.01)


@pytest.mark.parametrize("p", [0.18, 0.5, 0.9])
def test_proposition_4_1_the_expected_advantage_is_the_centred_reward(p):
    right = p * 0.0 + (1 - p) * float(group_advantages(torch.tensor([[1.0, 0.0]]))[0, 0])
    wrong = p * float(group_advantages(torch.tensor([[0.0, 1.0]]))[0, 0])
    assert (right, wrong) == pytest.approx((1 - p, -p))
