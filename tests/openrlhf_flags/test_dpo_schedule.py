"""The order of the pairs: the local engine's, in full batches, whatever the number of GPUs."""

from collections import Counter

import numpy as np
import polars as pl
import pytest

from tests.openrlhf_flags.configs import dpo
from twogrpo.openrlhf.dpo_schedule import lay_out
from twogrpo.train.dpo import plan_epoch
from twogrpo.train.pair_data import PairData

PAIRS = 12


@pytest.fixture
def data():
    """Twelve pairs whose chosen rollouts have even ids, of unequal lengths."""
    rows = range(2 * PAIRS)
    rollouts = {
        "rollout_id": rows,
        "prompt_ids": [[100 + row // 2] * (1 + row // 2) for row in rows],
        "response_ids": [[row] * (1 + row % 5) for row in rows],
    }
    ids = dict.fromkeys(["prompt_ids", "response_ids"], pl.List(pl.Int32))
    return PairData.of(np.array(rows).reshape(-1, 2), pl.DataFrame(rollouts, schema_overrides=ids))


def steps_of(schedule):
    size = schedule.pairs_per_step
    return [schedule.order[first : first + size] for first in range(0, len(schedule.order), size)]


def test_both_engines_see_the_same_pairs_in_the_same_steps(data):
    config = dpo("train.rollouts_per_update=8", "train.epochs=2", "seed=3")
    plans = [plan_epoch(data, config, epoch) for epoch in (0, 1)]
    local = [set().union(*plan.micro_batches(step)) for plan in plans for step in range(plan.steps)]
    assert [set(step) for step in steps_of(lay_out(data, config))] == local


def test_every_update_is_whole_and_every_pair_is_used(data):
    schedule = lay_out(data, dpo("train.rollouts_per_update=10", "train.epochs=5"))
    assert schedule.steps == 12
    assert set(Counter(schedule.order).values()) == {5}


def test_a_partial_epoch_is_filled_from_the_next(data):
    schedule = lay_out(data, dpo("train.rollouts_per_update=10", "train.epochs=1"))
    # Three updates of five pairs: twelve, and three of the next pass.
    assert schedule.steps == 3
    assert sorted(Counter(schedule.order).values()) == [1] * 9 + [2] * 3


def test_a_longer_training_begins_with_the_same_steps(data):
    short, long = (lay_out(data, dpo("train.rollouts_per_update=10", f"train.steps={steps}")) for steps in (3, 9))
    assert long.order[: len(short.order)] == short.order


def test_another_seed_is_another_order(data):
    one, other = (lay_out(data, dpo("train.steps=3", "train.rollouts_per_update=8", f"seed={seed}")) for seed in (0, 1))
    assert one.order != other.order


def test_an_update_may_be_more_than_all_pairs(data):
    schedule = lay_out(data, dpo("train.rollouts_per_update=40", "train.epochs=1"))
    assert schedule.steps == 1
    assert sorted(Counter(schedule.order).values()) == [1] * 4 + [2] * 8


def test_like_lengths_stand_together_within_a_step(data):
    schedule = lay_out(data, dpo("train.rollouts_per_update=8", "train.epochs=1"))
    for step in steps_of(schedule):
        lengths = data.lengths_N2()[step].max(axis=1).tolist()
        assert lengths == sorted(lengths, reverse=True)


def test_the_file_has_the_token_ids_in_training_order(data, tmp_path):
    schedule = lay_out(data, dpo("train.rollouts_per_update=8", "train.epochs=1"))
    schedule.write(tmp_path / "schedule.parquet")
    rows = pl.read_parquet(tmp_path / "schedule.parquet")
    assert rows.schema == dict.fromkeys(["prompt_ids", "chosen_ids", "rejected_ids"], pl.List(pl.Int32))
    for pair, (prompt, chosen, rejected) in zip(schedule.order, rows.iter_rows(), strict=True):
        assert data.sequences([pair]) == ([prompt] * 2, [chosen, rejected])


def test_the_longest_rollout_counts_its_prompt(data):
    # The last pair's prompt has twelve tokens, its longer response four.
    assert lay_out(data, dpo("train.steps=1")).longest == 12 + 4
