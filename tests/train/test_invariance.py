"""One loss and one gradient, however the work is cut: beside a plain loop over whole logits."""

from itertools import combinations, product

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.train.invariance_cuts import CUTS, has_cut, step
from tests.train.invariance_material import (
    AGGREGATES,
    DTYPES,
    ROUNDING,
    Objective,
    largest_difference,
    make_batch,
    plain,
)

OBJECTIVES = {
    "clip active": {},
    "clip inactive": {"clip": 50.0},
    "ties dropped": {"ties": "drop"},
    "a weight a token": {"level": "token"},
    "a weight a sequence": {"level": "sequence"},
}
GRID = [
    pytest.param(name, objective, aggregate, dtype, id=f"{name}-{objective}-{aggregate}-{number}")
    for name, objective, aggregate, (number, dtype) in product(CUTS, OBJECTIVES, AGGREGATES, DTYPES.items())
    if has_cut(name, dtype)
]
ADAPTED = [
    pytest.param(name, dtype, id=f"{name}-{number}")
    for name, (number, dtype) in product(CUTS, DTYPES.items())
    if has_cut(name, dtype)
]


@pytest.mark.parametrize(("name", "objective", "aggregate", "dtype"), GRID)
def test_every_cut_gives_the_loss_and_the_gradient_of_the_plain_loop(monkeypatch, name, objective, aggregate, dtype):
    asked = Objective(aggregate, **OBJECTIVES[objective])
    batch = make_batch(dtype, is_replayed=asked.level is not None)
    metrics, gradients = step(batch, asked, CUTS[name], monkeypatch, dtype=dtype)
    loss, expected = plain(asked, dtype=dtype)
    # A ratio strays from 1 only where pi_old is the sampler, and a weight only where it is not.
    assert (metrics["clipped_share"] > 0) == (objective in {"clip active", "ties dropped"})
    assert (metrics["importance_truncated_mass"] > 0) == (asked.level is not None)
    assert metrics["trained_rollouts"] == (8 if CUTS[name].skips or asked.ties == "drop" else 16)
    assert metrics["loss"] == pytest.approx(loss, rel=0, abs=ROUNDING[dtype])
    assert largest_difference(gradients, expected) < ROUNDING[dtype]


@pytest.mark.parametrize(("name", "dtype"), ADAPTED)
def test_so_does_it_for_the_weights_of_an_adapter(monkeypatch, name, dtype):
    metrics, gradients = step(make_batch(dtype), Objective(), CUTS[name], monkeypatch, dtype=dtype, is_adapted=True)
    loss, expected = plain(Objective(), dtype=dtype, is_adapted=True)
    assert len(expected) == 2 * 7 * 2
    assert all(slope.any() for slope in expected)
    assert metrics["loss"] == pytest.approx(loss, rel=0, abs=ROUNDING[dtype])
    assert largest_difference(gradients, expected) < ROUNDING[dtype]


@pytest.mark.parametrize("name", ["one micro-batch", "a micro-batch a pair", "padded on the left"])
@pytest.mark.parametrize("number", DTYPES)
def test_a_sampler_that_truncates_its_distribution_is_not_weighted_against(monkeypatch, name, number):
    dtype = DTYPES[number]
    asked = Objective(level="token")
    metrics, gradients = step(make_batch(dtype), asked, CUTS[name], monkeypatch, "rollout.top_p=0.9", dtype=dtype)
    loss, expected = plain(Objective(level="off"), dtype=dtype)
    assert metrics["loss"] == pytest.approx(loss, rel=0, abs=ROUNDING[dtype])
    assert largest_difference(gradients, expected) < ROUNDING[dtype]
    assert largest_difference(gradients, plain(asked, dtype=dtype)[1]) > 0.001


class Work(TorchDispatchMode):
    """Notes every operation with the shapes it is given, in order."""

    def __init__(self):
        super().__init__()
        self.done = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        shapes = [tuple(value.shape) for value in args if isinstance(value, torch.Tensor)]
        self.done.append((str(function), shapes))
        return function(*args, **(kwargs or {}))


def work_of(name, dtype):
    with pytest.MonkeyPatch.context() as patch, Work() as work:
        step(make_batch(dtype), Objective(), CUTS[name], patch, dtype=dtype)
    return work.done


@pytest.mark.parametrize("number", DTYPES)
def test_no_two_cuts_are_the_same_work(number):
    dtype = DTYPES[number]
    work_of("one micro-batch", dtype)  # makes what is made once
    done = {name: work_of(name, dtype) for name in CUTS if has_cut(name, dtype)}
    assert work_of("one micro-batch", dtype) == done["one micro-batch"]
    assert [pair for pair in combinations(done, 2) if done[pair[0]] == done[pair[1]]] == []


@pytest.mark.parametrize(("tie", "other"), [("count", "drop"), ("drop", "count")])
def test_another_denominator_would_be_another_gradient(monkeypatch, tie, other):
    dtype = torch.float64
    metrics, gradients = step(make_batch(dtype), Objective(ties=tie), CUTS["one micro-batch"], monkeypatch, dtype=dtype)
    loss, expected = plain(Objective(ties=other), dtype=dtype)
    assert largest_difference(gradients, expected) > 0.3
    assert metrics["loss"] != pytest.approx(loss, rel=0.3)
