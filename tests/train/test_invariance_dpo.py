"""DPO's loss and gradient, however the work is cut: beside Eq. 4 pair by pair over whole logits."""

from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from tests.train.invariance_cuts import CUTS, Recorder, has_cut, open_learner
from tests.train.invariance_material import (
    DTYPES,
    GROUP,
    PROMPTS,
    ROUNDING,
    batch_logps,
    gradients_of,
    largest_difference,
    make_batch,
    make_model,
)
from twogrpo import DpoConfig
from twogrpo.train import dpo
from twogrpo.train.checkpoint import TrainState
from twogrpo.train.pair_data import PairData

# Chosen before rejected; the decided groups of the batch.
PAIRS = [(0, 1), (5, 4), (8, 9), (11, 10)]
OTHER_ORDER = (2, 0, 3, 1)
# Far from the policy's own logprobs on both sides, so that margins are of either sign and no pair is learned already.
REFERENCE_N2 = torch.tensor([[-9.0, -80.0], [-15.0, -19.0], [-60.0, -12.0], [-4.0, -20.0]], dtype=torch.float64)
BETA, SMOOTHING = 0.1, 0.1
LONGEST_PAIR = 33

GRID = [
    pytest.param(name, dtype, id=f"{name}-{number}")
    for name, (number, dtype) in product(CUTS, DTYPES.items())
    # No pair is a tie, so none is skipped; and none is ever cut apart.
    if has_cut(name, dtype) and CUTS[name].skips and CUTS[name].token_budget > LONGEST_PAIR
]


def rollouts(dtype):
    ids = {"prompt_ids": [ids for ids in PROMPTS for _ in range(GROUP)]}
    ids["response_ids"] = make_batch(dtype).generation.response_ids
    schema = dict.fromkeys(ids, pl.List(pl.Int32))
    return pl.DataFrame(ids, schema=schema).with_row_index("rollout_id").cast({"rollout_id": pl.Int64})


def step(cut, monkeypatch, dtype):
    """Return the metrics and the gradients of dpo's one update."""
    order = range(len(PAIRS)) if cut.order is None else OTHER_ORDER
    data = PairData.of(np.array(PAIRS)[list(order)], rollouts(dtype))
    keys = [f"train.token_budget={cut.token_budget}", f"dpo.beta={BETA}", f"dpo.label_smoothing={SMOOTHING}"]
    config = DpoConfig.load(None, ["model.path=m", "train.rollouts_per_update=null", *keys])
    learner = open_learner(Recorder, make_model(dtype), cut, monkeypatch)
    session = SimpleNamespace(learner=learner, state=TrainState())
    run = dpo._Run(session, config, data, REFERENCE_N2[list(order)], steps_per_epoch=1, total=1)
    metrics = dpo._step(run, run.plan(0), 0)
    (gradients,) = learner.seen
    return metrics, gradients


@cache
def plain(dtype, *, pairs=4):
    model, total = make_model(dtype), 0.0
    batch = make_batch(dtype)
    for (chosen, rejected), (of_chosen, of_rejected) in zip(PAIRS, REFERENCE_N2.tolist(), strict=True):
        chosen_reward = batch_logps(model, batch, chosen).sum() - of_chosen
        margin = BETA * (chosen_reward - (batch_logps(model, batch, rejected).sum() - of_rejected))
        right, wrong = torch.log1p(torch.exp(-margin)), torch.log1p(torch.exp(margin))
        loss = ((1 - SMOOTHING) * right + SMOOTHING * wrong) / pairs
        loss.backward()
        total += loss.item()
    return total, gradients_of(model)


@pytest.mark.parametrize(("name", "dtype"), GRID)
def test_every_cut_gives_the_loss_and_the_gradient_of_the_plain_loop(monkeypatch, name, dtype):
    metrics, gradients = step(CUTS[name], monkeypatch, dtype)
    loss, expected = plain(dtype)
    assert 0 < metrics["accuracy"] < 1
    assert metrics["loss"] == pytest.approx(loss, rel=0, abs=ROUNDING[dtype])
    assert largest_difference(gradients, expected) < ROUNDING[dtype]


def test_dividing_by_another_number_of_pairs_would_be_another_gradient(monkeypatch):
    metrics, gradients = step(CUTS["a micro-batch a pair"], monkeypatch, torch.float64)
    loss, expected = plain(torch.float64, pairs=1)
    assert largest_difference(gradients, expected) > 0.3
    assert metrics["loss"] != pytest.approx(loss, rel=0.3)
