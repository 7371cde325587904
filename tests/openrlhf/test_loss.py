"""OpenRLHF's policy loss, set up by our flags, is our policy loss: value and gradient."""

from pathlib import Path

import pytest
import torch

from scripts.openrlhf_flags import parser_of
from tests.openrlhf_flags.configs import online_words
from twogrpo.objectives import importance_weights, policy_loss
from twogrpo.openrlhf.flags import COMMAND

SHAPE = (6, 9)
LENGTHS = (9, 4, 1, 7, 2, 9)


@pytest.fixture(scope="module")
def their_loss():
    """OpenRLHF's class of the loss; it is imported with the stub of flash-attn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DS_ACCELERATOR", "cpu")
        patch.syspath_prepend(Path(__file__).parent / "cpu")
        from openrlhf.models.loss import PolicyLoss

        yield PolicyLoss


@pytest.fixture
def rows():
    """Logprobs of three policies, advantages and a mask, in float64; the sampler's own are far off in places."""
    torch.manual_seed(0)
    old_BT = -torch.rand(SHAPE, dtype=torch.float64) * 3
    return {
        "logps": (old_BT + 0.3 * torch.randn(SHAPE, dtype=torch.float64)).requires_grad_(),
        "old": old_BT,
        "behaviour": old_BT - 0.8 * torch.randn(SHAPE, dtype=torch.float64),
        "advantages": torch.tensor([1.0, -1.0, 0.5, -2.0, 1.0, 0.0], dtype=torch.float64),
        "mask": torch.arange(SHAPE[1]) < torch.tensor(LENGTHS).unsqueeze(1),
    }


def theirs(loss_class, rows, *overrides):
    """Return OpenRLHF's loss with the flags of a configuration, as its trainer sets it up."""
    args = vars(parser_of(COMMAND).parse_args(online_words(*overrides)))
    low, high = args["actor.eps_clip_low_high"]
    advantage = {
        name: args[f"algo.advantage.{name}"]
        for name in ("is_correction_level", "is_correction_mode", "is_correction_gating", "is_correction_threshold")
    }
    loss_fn = loss_class(
        clip_eps_low=low,
        clip_eps_high=high,
        token_level_loss=args["actor.loss_agg_mode"] == "token-mean",
        policy_loss_type=args["actor.policy_loss_type"],
        **advantage,
    )
    mask_BT = rows["mask"].double()
    loss, *_ = loss_fn(
        rows["logps"],
        rows["old"],
        rows["advantages"].unsqueeze(1) * mask_BT,
        action_mask=mask_BT,
        rollout_log_probs=rows["behaviour"],
        batch_num_tokens=float(sum(LENGTHS)),
        global_batch_size=float(len(LENGTHS)),
    )
    return loss


def ours(rows, *, aggregate, cap, clip=(0.2, 0.2)):
    weights_BT = None
    if cap is not None:
        weights_BT, _ = importance_weights(rows["old"], rows["behaviour"], rows["mask"], level="token", cap=cap)
    loss, _ = policy_loss(
        rows["logps"],
        rows["old"],
        rows["advantages"],
        rows["mask"],
        aggregate=aggregate,
        clip_low=clip[0],
        clip_high=clip[1],
        rollouts=len(LENGTHS),
        tokens=sum(LENGTHS),
        weights_BT=weights_BT,
    )
    return loss


@pytest.mark.parametrize("aggregate", ["sequence_mean", "token_mean"])
@pytest.mark.parametrize(("level", "cap"), [("token", 1.3), ("token", 50.0), ("'off'", None)])
def test_loss_and_gradient_are_ours(their_loss, rows, aggregate, level, cap):
    keys = [f"objective.aggregate={aggregate}", f"objective.importance.level={level}"]
    keys += [] if cap is None else [f"objective.importance.cap={cap}"]
    found = theirs(their_loss, rows, *keys)
    expected = ours(rows, aggregate=aggregate, cap=cap)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    gradients = [torch.autograd.grad(loss, rows["logps"], retain_graph=True)[0] for loss in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-9)


def test_the_weights_matter_here(rows):
    """Otherwise the tests above could not tell a cap from none."""
    losses = {cap: ours(rows, aggregate="token_mean", cap=cap).item() for cap in (1.3, 50.0, None)}
    assert len(set(losses.values())) == 3


def test_both_clips_are_ours(their_loss, rows):
    found = theirs(their_loss, rows, "objective.clip_low=0.1", "objective.clip_high=0.4", "objective.importance.cap=2")
    expected = ours(rows, aggregate="sequence_mean", cap=2.0, clip=(0.1, 0.4))
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_rollout_without_a_weight_of_its_own_spoils_the_batch(their_loss, rows):
    """A logprob that is not a number passes OpenRLHF's bounds and its mask: the store has to refuse it before."""
    rows["behaviour"][2, 0] = float("nan")
    assert torch.isnan(theirs(their_loss, rows))
