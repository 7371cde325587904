"""Several updates on one batch: beside a plain loop of updates that share the pi_old of the first."""

from dataclasses import dataclass, field
from functools import cache
from itertools import product

import pytest
import torch

from tests.train.invariance_cuts import CUTS, open_learner, rollouts_of
from tests.train.invariance_material import (
    AGGREGATES,
    DTYPES,
    GROUP,
    REWARDS_PG,
    ROUNDING,
    SKIPPED_TOKENS,
    Objective,
    batch_logps,
    make_batch,
    make_model,
    online_config,
    plain_backward,
)
from twogrpo.train.checkpoint import TrainState
from twogrpo.train.learner import Learner
from twogrpo.train.policy_step import policy_step

# Two groups an update. Half of the groups teach nothing, so that an update may have nothing to compute.
PER_UPDATE, UPDATES = 4, 4
RATE, MOMENTUM, CLIP = 0.05, 0.9, 0.2
NAMES = ["a micro-batch a pair", "groups cut apart", "padded on the left", "nothing skipped", "logits of seven entries"]
NAMES += ["prompts computed again for every response", "layers computed again"]
LEVELS = {"pi_old of the sampler": None, "own, a weight a token": "token", "own, a weight a sequence": "sequence"}
# The tokens of each update are in the denominator of token_mean alone, so that it stands for the others.
GRID = [("token_mean", *settings) for settings in product(NAMES, LEVELS, DTYPES)]
GRID += [(aggregate, "one micro-batch", *settings) for aggregate, *settings in product(AGGREGATES, LEVELS, DTYPES)]


@dataclass(frozen=True)
class Updating(Learner):
    """A learner that notes what each of its updates computes gradients of."""

    updates: list = field(default_factory=lambda: [[]])

    def logps(self, prompt_ids, response_ids, **settings):
        if torch.is_grad_enabled():
            self.updates[-1].extend(zip(map(tuple, prompt_ids), map(tuple, response_ids), strict=True))
        return super().logps(prompt_ids, response_ids, **settings)

    def apply(self, *settings):
        self.updates.append([])
        return super().apply(*settings)


def make_rollouts(dtype, level):
    # Without drift the first update has every ratio at 1: what the clip takes away, it takes from later ones.
    return make_batch(dtype, drift=0.0 if level is None else 0.1, is_replayed=level is not None)


def optimizer_of(model):
    return torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)


def train(name, objective, dtype, monkeypatch):
    """Return the metrics, the weights after all updates, and the rows of each update."""
    batch, model = rollouts_of(make_rollouts(dtype, objective.level), CUTS[name]), make_model(dtype)
    learner = open_learner(Updating, model, CUTS[name], monkeypatch, optimizer=optimizer_of(model))
    keys = [f"train.rollouts_per_update={PER_UPDATE}", f"train.learning_rate={RATE}"]
    config = online_config(objective, *keys, token_budget=CUTS[name].token_budget)
    metrics = policy_step(learner, batch, config, TrainState(), total_updates=UPDATES)
    responses = enumerate(batch.generation.response_ids)
    rows = {(batch.prompt_ids(row), tuple(response)): row for row, response in responses}
    updates = tuple(tuple(sorted(rows[sequence] for sequence in update)) for update in learner.updates[:-1])
    return metrics, list(model.parameters()), updates


@cache
def plain_updates(objective, dtype, updates):
    """Return the mean loss and the weights of the same updates, made one by one."""
    batch, model = make_rollouts(dtype, objective.level), make_model(dtype)
    optimizer, losses = optimizer_of(model), []
    lengths = [len(ids) for ids in batch.generation.response_ids]
    with torch.no_grad():
        old = [batch_logps(model, batch, row) for row in range(len(lengths))]
    for rows in updates:
        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight)
        skipped = (PER_UPDATE - len(rows)) // GROUP
        tokens = sum(lengths[row] for row in rows) + skipped * SKIPPED_TOKENS
        losses.append(plain_backward(model, batch, objective, rows, rollouts=PER_UPDATE, tokens=tokens, old=old))
        optimizer.step()
    return sum(losses) / len(losses), list(model.parameters())


@pytest.mark.parametrize(("aggregate", "name", "level", "number"), GRID)
def test_every_cut_gives_the_losses_and_the_weights_of_the_plain_updates(monkeypatch, aggregate, name, level, number):
    objective, dtype = Objective(aggregate, clip=CLIP, level=LEVELS[level]), DTYPES[number]
    metrics, weights, updates = train(name, objective, dtype, monkeypatch)
    loss, expected = plain_updates(objective, dtype, updates)
    # A ratio leaves 1 only where pi_old is older than the update: centred anew, none would be clipped.
    assert metrics["clipped_share"] > 0
    assert metrics["loss"] == pytest.approx(loss, rel=0, abs=ROUNDING[dtype])
    assert farthest(weights, expected) < ROUNDING[dtype]


def farthest(weights, others):
    return max(float((one - other).detach().abs().max()) for one, other in zip(weights, others, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_an_update_has_the_same_rollouts_however_the_work_is_cut(monkeypatch, level):
    objective = Objective(clip=CLIP, level=LEVELS[level])
    names = ["one micro-batch", "a micro-batch a pair", "groups cut apart"]
    first, *others = (train(name, objective, torch.float32, monkeypatch)[2] for name in names)
    assert len(first) == UPDATES
    taught = (REWARDS_PG[:, 0] != REWARDS_PG[:, 1]).repeat_interleave(GROUP)[:-GROUP]
    assert sorted(row for rows in first for row in rows) == taught.nonzero().flatten().tolist()
    assert all(other == first for other in others)
    # An update that has nothing to compute steps all the same, on its momentum.
    assert () in first[1:]


@pytest.mark.parametrize("level", LEVELS)
def test_leaving_an_update_out_would_give_other_weights(monkeypatch, level):
    objective = Objective("token_mean", clip=CLIP, level=LEVELS[level])
    _, weights, updates = train("one micro-batch", objective, torch.float64, monkeypatch)
    _, other = plain_updates(objective, torch.float64, updates[:-1])
    assert farthest(weights, other) > 0.001
