"""Beside TRL 1.16, verl 0.9 and OpenRLHF 0.11: their documented formulas, written out here; DIFFERENCES.md explains.

Each formula is evaluated in float64 unless a test is about float32, so that agreement means agreement of formulas.
"""

import math

import pytest
import torch

from twogrpo.objectives import dpo_loss, group_advantages, policy_loss

PEER_EPS = {"trl": 1e-4, "verl": 1e-6, "openrlhf": 1e-9}
GROUP_SIZES = range(2, 17)


def close(found, expected, atol=1e-10):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


# -- advantages


def peer_advantages(rewards_PG, eps):
    """All three: centre on the group's mean, divide by its sample standard deviation plus a constant."""
    return (rewards_PG - rewards_PG.mean(1, keepdim=True)) / (rewards_PG.std(1, keepdim=True, unbiased=True) + eps)


def leave_one_out(rewards_PG):
    """RLOO: each reward less the mean of the other members'."""
    others = rewards_PG.shape[1] - 1
    return rewards_PG - (rewards_PG.sum(1, keepdim=True) - rewards_PG) / others


def binary_rewards(group_size):
    return torch.stack([(torch.arange(group_size) < correct).double() for correct in range(group_size + 1)])


def continuous_rewards(group_size):
    return torch.rand(6, group_size, generator=torch.Generator().manual_seed(group_size), dtype=torch.float64) * 3 - 1


@pytest.mark.parametrize("make", [binary_rewards, continuous_rewards])
@pytest.mark.parametrize("group_size", GROUP_SIZES)
@pytest.mark.parametrize("peer", PEER_EPS)
def test_sample_std_reproduces_the_peers(peer, group_size, make):
    rewards_PG, eps = make(group_size), PEER_EPS[peer]
    close(group_advantages(rewards_PG, std="sample", eps=eps), peer_advantages(rewards_PG, eps))


@pytest.mark.parametrize("make", [binary_rewards, continuous_rewards])
@pytest.mark.parametrize("group_size", GROUP_SIZES)
def test_population_std_is_the_peers_times_a_constant_of_the_group_size(group_size, make):
    factor = math.sqrt(group_size / (group_size - 1))
    close(group_advantages(make(group_size)), factor * group_advantages(make(group_size), std="sample"))


@pytest.mark.parametrize("make", [binary_rewards, continuous_rewards])
@pytest.mark.parametrize("group_size", GROUP_SIZES)
def test_no_std_reproduces_dr_grpo_and_rloo_up_to_its_constant(group_size, make):
    rewards_PG = make(group_size)
    found = group_advantages(rewards_PG, std="none")
    close(found, rewards_PG - rewards_PG.mean(1, keepdim=True))
    close(found * group_size / (group_size - 1), leave_one_out(rewards_PG))


def test_rloo_is_ours_for_binary_pairs():
    assert torch.equal(group_advantages(binary_rewards(2)), leave_one_out(binary_rewards(2)))


@pytest.mark.parametrize("group_size", range(3, 17))
def test_rloo_is_not_ours_for_larger_groups(group_size):
    assert not torch.allclose(group_advantages(binary_rewards(group_size)), leave_one_out(binary_rewards(group_size)))


def test_rloo_keeps_the_scale_of_continuous_rewards_and_ours_does_not():
    rewards_PG = torch.tensor([[0.9, 0.3]], dtype=torch.float64)
    close(leave_one_out(rewards_PG), torch.tensor([[0.6, -0.6]], dtype=torch.float64))
    assert group_advantages(rewards_PG).tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize(("peer", "invented"), [("trl", 7.4e-05), ("verl", 7.4e-03), ("openrlhf", 0.857)])
def test_sixteen_equal_rewards_of_a_tenth(peer, invented):
    rewards_PG = torch.full((1, 16), 0.1)
    assert peer_advantages(rewards_PG, PEER_EPS[peer]).abs().max().item() == pytest.approx(invented, rel=0.02)
    assert not group_advantages(rewards_PG, std="sample", eps=PEER_EPS[peer]).any()


@pytest.mark.parametrize("peer", PEER_EPS)
def test_pairs_are_immune_to_that_rounding_everywhere(peer):
    assert not peer_advantages(torch.full((1, 2), 0.1), PEER_EPS[peer]).any()


# -- losses


class Batch:
    """Groups of rollouts off the old policy, one response cut from the loss and one empty, if there are rows for it."""

    def __init__(self, group_size, rewards, *, with_empty):
        generator = torch.Generator().manual_seed(group_size)
        rows, longest = 3 * group_size, 7
        lengths_B = torch.randint(1, longest + 1, (rows,), generator=generator)
        if with_empty:
            lengths_B[1] = lengths_B[-1] = 0
        self.mask_BT = torch.arange(longest) < lengths_B[:, None]
        self.old_BT = -3 * torch.rand(rows, longest, generator=generator, dtype=torch.float64)
        self.logps_BT = self.old_BT + 0.4 * torch.randn(rows, longest, generator=generator, dtype=torch.float64)
        self.advantages_B = group_advantages(rewards(group_size, generator), std="sample", eps=1e-4).flatten()
        self.max_tokens = longest + 3

    def ours(self, aggregate, **denominators):
        counts = {"rollouts": len(self.mask_BT), "tokens": int(self.mask_BT.sum()), "max_tokens": self.max_tokens}
        return policy_loss(
            self.logps_BT, self.old_BT, self.advantages_B, self.mask_BT, aggregate=aggregate, **(counts | denominators)
        )[0]

    def token_losses(self):
        """PPO's clipped loss a token, which the three share at clip 0.2 and ratios below verl's dual clip."""
        ratio = (self.logps_BT - self.old_BT).exp()
        advantage = self.advantages_B[:, None]
        return torch.maximum(-ratio * advantage, -ratio.clamp(0.8, 1.2) * advantage)


def binary(group_size, generator):
    return (torch.rand(3, group_size, generator=generator) < 0.5).double()


def continuous(group_size, generator):
    return torch.rand(3, group_size, generator=generator, dtype=torch.float64)


def all_equal(group_size, generator):  # noqa: ARG001  # one signature for all
    return torch.full((3, group_size), 0.1, dtype=torch.float64)


def trl_grpo(losses_BT, mask_BT):
    return ((losses_BT * mask_BT).sum(1) / mask_BT.sum(1).clamp(min=1)).mean()


def token_mean(losses_BT, mask_BT):
    """TRL's dapo, verl's and OpenRLHF's token-mean."""
    return (losses_BT * mask_BT).sum() / mask_BT.sum()


def trl_dr_grpo(losses_BT, mask_BT, max_tokens):
    return (losses_BT * mask_BT).sum() / (len(mask_BT) * max_tokens)


def sequence_mean_of_filled_rows(losses_BT, mask_BT):
    """verl's and OpenRLHF's seq-mean-token-mean: rows without tokens are not counted, 1e-8 guards the division."""
    means_B = (losses_BT * mask_BT).sum(1) / (mask_BT.sum(1) + 1e-8)
    is_filled_B = mask_BT.any(1)
    return (means_B * is_filled_B).sum() / is_filled_B.sum()


@pytest.fixture(params=[binary, continuous, all_equal], ids=["binary", "continuous", "all_equal"])
def rewards(request):
    return request.param


@pytest.mark.parametrize("group_size", GROUP_SIZES)
@pytest.mark.parametrize("with_empty", [False, True])
def test_losses_of_trl(group_size, with_empty, rewards):
    batch = Batch(group_size, rewards, with_empty=with_empty)
    losses_BT = batch.token_losses()
    close(batch.ours("sequence_mean"), trl_grpo(losses_BT, batch.mask_BT))
    close(batch.ours("token_mean"), token_mean(losses_BT, batch.mask_BT))
    close(batch.ours("constant"), trl_dr_grpo(losses_BT, batch.mask_BT, batch.max_tokens))


@pytest.mark.parametrize("group_size", GROUP_SIZES)
@pytest.mark.parametrize("with_empty", [False, True])
def test_losses_of_verl_and_openrlhf(group_size, with_empty, rewards):
    batch = Batch(group_size, rewards, with_empty=with_empty)
    losses_BT = batch.token_losses()
    close(batch.ours("token_mean"), token_mean(losses_BT, batch.mask_BT))
    filled = int(batch.mask_BT.any(1).sum())
    close(
        batch.ours("sequence_mean", rollouts=filled), sequence_mean_of_filled_rows(losses_BT, batch.mask_BT), atol=1e-7
    )


@pytest.mark.parametrize("group_size", GROUP_SIZES)
def test_rows_without_tokens_count_in_ours_and_in_trl_but_not_in_verl_and_openrlhf(group_size):
    batch = Batch(group_size, continuous, with_empty=True)
    rows, theirs = len(batch.mask_BT), sequence_mean_of_filled_rows(batch.token_losses(), batch.mask_BT)
    close(batch.ours("sequence_mean"), theirs * (rows - 2) / rows, atol=1e-7)


def verl_token_loss(ratio, advantage, dual_clip=3.0):
    """verl bounds the loss of a bad token at `dual_clip` times its advantage."""
    clipped = max(-ratio * advantage, -min(max(ratio, 0.8), 1.2) * advantage)
    return min(clipped, -dual_clip * advantage) if advantage < 0 else clipped


@pytest.mark.parametrize(("ratio", "ours", "theirs"), [(2.9, 2.9, 2.9), (5.0, 5.0, 3.0)])
def test_verl_bounds_the_loss_of_bad_tokens_that_became_likely(ratio, ours, theirs):
    logps_BT = torch.tensor([[math.log(ratio)]], dtype=torch.float64)
    mask_BT = torch.tensor([[True]])
    found, _ = policy_loss(logps_BT, torch.zeros_like(logps_BT), torch.tensor([-1.0]), mask_BT, rollouts=1, tokens=1)
    assert (float(found), verl_token_loss(ratio, -1.0)) == pytest.approx((ours, theirs))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_dpo_of_openrlhf(label_smoothing):
    chosen, rejected, ref_chosen, ref_rejected = -20 * torch.rand(
        4, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    contrast = (chosen - rejected) - (ref_chosen - ref_rejected)
    share = torch.sigmoid(0.3 * contrast)
    expected = -((1 - label_smoothing) * share.log() + label_smoothing * (1 - share).log()).mean()
    found, _ = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.3, pairs=9, label_smoothing=label_smoothing)
    close(found, expected)
