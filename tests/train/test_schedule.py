import pytest
import torch
from transformers import get_scheduler

from twogrpo.train.schedule import learning_rate


def rate(update, schedule="constant", warmup=10, total=100):
    return learning_rate(update, peak=1.0, warmup_updates=warmup, total_updates=total, schedule=schedule)


def test_warm_up_rises_linearly_and_never_starts_at_zero():
    assert [rate(update) for update in range(10)] == pytest.approx([0.1 * (n + 1) for n in range(10)])


def test_constant_stays_at_the_peak():
    assert {rate(update) for update in (9, 10, 50, 99)} == {1.0}


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_warm_up_reaches_the_peak_whatever_follows_it(schedule):
    assert [rate(update, schedule) for update in (0, 9, 10)] == [0.1, 1.0, 1.0]


def test_linear_falls_to_zero_after_the_last_step():
    assert rate(55, "linear") == pytest.approx(0.5)
    assert rate(100, "linear") == 0.0


def test_cosine_is_half_way_down_in_the_middle_of_what_follows_the_warm_up():
    assert rate(55, "cosine") == pytest.approx(0.5)
    assert rate(100, "cosine") == pytest.approx(0.0)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_after_the_warm_up_the_rates_are_those_of_transformers(schedule):
    name = "constant_with_warmup" if schedule == "constant" else schedule
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=10, num_training_steps=100)
    found = []
    for _ in range(100):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert [rate(update, schedule) for update in range(10, 100)] == pytest.approx(found[10:])


def test_a_run_within_its_warm_up_only_rises():
    assert [rate(update, "linear", warmup=10, total=3) for update in range(3)] == pytest.approx([0.1, 0.2, 0.3])


def test_no_warm_up_starts_at_the_peak():
    assert rate(0, warmup=0) == 1.0
