import pytest

from twogrpo.config import OnlineConfig
from twogrpo.preflight.batches import batches_section, online_batches
from twogrpo.prompts import PromptOrder


def config(*overrides):
    keys = ["rollout.prompts_per_step=4", "rollout.max_new_tokens=10", "train.token_budget=50", "train.warmup_steps=1"]
    return OnlineConfig.load(None, ["model.path=m", "data.path=d", *keys, *overrides])


def found(*overrides, prompts=10):
    return online_batches(config(*overrides), prompts=prompts, longest_prompt=6)


def section(*overrides, prompts=10):
    return batches_section(found(*overrides, prompts=prompts), config(*overrides))


def texts(*overrides, prompts=10):
    return {fact.name: fact.text for fact in section(*overrides, prompts=prompts).facts}


def test_numbers_of_a_run():
    run = found("train.epochs=2", "train.rollouts_per_update=4")
    assert (run.rollouts_per_step, run.updates_per_step, run.steps, run.rollouts) == (8, 2, 5, 40)
    assert run.epochs == 2


def test_steps_that_are_given_count():
    assert found("train.steps=3").steps == 3


def test_an_epoch_is_rounded_up_to_whole_batches():
    assert found().steps == 3


def test_the_worst_micro_batches_are_of_the_longest_sequences():
    run = found()
    assert (run.longest, run.micro_batch_rows, run.micro_batches) == (16, 3, 3)


def test_a_micro_batch_is_no_larger_than_an_update():
    run = found("train.rollouts_per_update=2")
    assert (run.micro_batch_rows, run.micro_batches) == (2, 1)


def test_the_batch_across_the_end_of_an_epoch_is_as_the_order_of_draws_has_it():
    said = texts(prompts=11)["partial_batch"]
    assert "2 batches and 3 prompts over; the next batch takes these and the first 1 of" in said
    order = PromptOrder(11, seed=0)
    first_pass = {order.at(cursor) for cursor in range(11)}
    third_batch = [order.at(cursor) for cursor in range(8, 12)]
    assert first_pass == set(range(11))
    assert set(third_batch[:3]) == first_pass - {order.at(cursor) for cursor in range(8)}
    assert third_batch[3] == order.at(11)


def test_whole_batches_leave_nothing_over():
    assert texts(prompts=12)["partial_batch"] == "none: 12 prompts are 3 whole batches"


def test_more_prompts_a_step_than_there_are_is_said():
    warnings = section(prompts=2).warnings
    assert any("one batch draws each of them 2 times" in warning for warning in warnings)


@pytest.mark.parametrize(("warmup", "is_warned"), [(2, False), (3, True)])
def test_a_learning_rate_that_only_rises_is_said(warmup, is_warned):
    warnings = section("train.steps=3", f"train.warmup_steps={warmup}").warnings
    assert any("only rises" in warning for warning in warnings) is is_warned
