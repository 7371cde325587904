import pytest
import torch

from twogrpo import OnlineConfig
from twogrpo.errors import DataError
from twogrpo.generate import Generation
from twogrpo.prompts import Draw, Prompt
from twogrpo.train.collect import RolloutBatch
from twogrpo.train.update_plan import UpdatePlan

PROMPT = (1, 2, 3)


def batch_of(advantages_PG, lengths_PG):
    advantages_PG = torch.tensor(advantages_PG, dtype=torch.float32)
    responses = [[7] * length for lengths in lengths_PG for length in lengths]
    prompt = Prompt("p", ("1",), "d", "0", PROMPT)
    return RolloutBatch(
        draws=[Draw(group, prompt) for group in range(len(lengths_PG))],
        generation=Generation(responses, [[0.0] * len(ids) for ids in responses], ["stop"] * len(responses)),
        responses=[""] * len(responses),
        scores=None,
        rewards_PG=advantages_PG,
        advantages_B=advantages_PG.flatten(),
        is_tied_P=(advantages_PG == 0).all(dim=1),
        is_inert_P=torch.zeros(len(advantages_PG), dtype=torch.bool),
        generate_s=0.0,
        verify_s=0.0,
    )


def plan_of(batch, *keys, epoch=0):
    shape = [f"rollout.prompts_per_step={len(batch.draws)}", f"rollout.group_size={batch.group_size}"]
    limits = ["rollout.max_new_tokens=9", *keys]
    return UpdatePlan.of(batch, OnlineConfig.load(None, ["model.path=m", "data.path=d", *shape, *limits]), epoch)


def rows_of_step(plan, step):
    return sorted(row for rows in plan.micro_batches(step) for row in rows)


def rows_of(plan):
    return sorted(row for step in range(plan.steps) for row in rows_of_step(plan, step))


MIXED = batch_of([[1, -1], [0, 0], [-1, 1], [1, -1]], [[5, 2], [3, 3], [1, 6], [4, 4]])


@pytest.mark.parametrize("budget", [14, 20, 29, 100])
def test_rollouts_of_a_group_share_a_forward_pass_wherever_the_budget_allows_it(budget):
    plan = plan_of(MIXED, f"train.token_budget={budget}")
    passes = plan.micro_batches(0)
    assert rows_of(plan) == [0, 1, 4, 5, 6, 7]
    for first in (0, 4, 6):
        assert any({first, first + 1} <= set(rows) for rows in passes)


def test_a_group_above_the_budget_is_split():
    plan = plan_of(MIXED, "train.token_budget=13")
    passes = plan.micro_batches(0)
    assert rows_of(plan) == [0, 1, 4, 5, 6, 7]
    lengths = [len(PROMPT) + len(ids) for ids in MIXED.generation.response_ids]
    assert max(sum(lengths[row] for row in rows) for rows in passes) <= 13
    assert plan.denominators(0) == (8, 28)


def test_denominators_count_what_is_left_out():
    assert plan_of(MIXED).denominators(0) == (8, 28)


def test_dropped_ties_are_not_counted():
    plan = plan_of(MIXED, "objective.ties=drop")
    assert plan.denominators(0) == (6, 22)
    assert rows_of(plan) == [0, 1, 4, 5, 6, 7]


def test_members_of_advantage_zero_are_counted_and_not_computed():
    plan = plan_of(batch_of([[1, 0, -1]], [[2, 9, 4]]), "train.token_budget=12")
    assert plan.micro_batches(0) == [[0, 2]]
    assert plan.denominators(0) == (3, 15)


@pytest.mark.parametrize("budget", [13, 100])
def test_each_update_has_its_rollouts_whether_groups_are_split_or_not(budget):
    whole = plan_of(MIXED, "train.rollouts_per_update=4")
    plan = plan_of(MIXED, "train.rollouts_per_update=4", f"train.token_budget={budget}")
    assert plan.steps == 2
    for step in range(2):
        assert plan.denominators(step) == whole.denominators(step)
        assert plan.denominators(step)[0] == 4
        assert rows_of_step(plan, step) == rows_of_step(whole, step)


def test_another_epoch_has_another_order():
    batch = batch_of([[1, -1]] * 16, [[2, 3]] * 16)
    first, again, second = (plan_of(batch, "train.rollouts_per_update=4", epoch=epoch) for epoch in (0, 0, 1))
    assert first.micro_batches(0) == again.micro_batches(0)
    assert first.micro_batches(0) != second.micro_batches(0)


def test_a_batch_without_a_decided_group_still_has_its_denominators():
    plan = plan_of(batch_of([[0, 0]], [[2, 3]]))
    assert rows_of(plan) == []
    assert plan.denominators(0) == (2, 5)


def test_a_rollout_above_the_budget_is_an_error():
    with pytest.raises(DataError, match="has 13 tokens, more than token_budget=12"):
        plan_of(batch_of([[1, -1]], [[10, 1]]), "train.token_budget=12")
