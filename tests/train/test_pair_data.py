"""Pairs with the token ids of their rollouts: every rollout once, every prompt once, lists for a micro-batch alone."""

import numpy as np
import polars as pl
import pytest

from twogrpo.train.pair_data import PairData

# Neither the rollouts nor the prompts stand in order; rollout 9 is in two pairs.
ROLLOUTS = {
    "rollout_id": [9, 4, 7, 5],
    "prompt_ids": [[2, 1], [2], [2, 1], [2]],
    "response_ids": [[90, 91], [40], [], [50, 51, 52]],
}


@pytest.fixture
def data():
    ids = dict.fromkeys(["prompt_ids", "response_ids"], pl.List(pl.Int32))
    return PairData.of(np.array([[9, 7], [5, 4], [5, 9]]), pl.DataFrame(ROLLOUTS, schema_overrides=ids))


def test_a_pair_has_the_token_ids_of_its_rollouts(data):
    assert data.sequences([1]) == ([[2], [2]], [[50, 51, 52], [40]])


def test_chosen_rollouts_come_before_rejected_ones(data):
    assert data.sequences([0, 2])[1] == [[90, 91], [50, 51, 52], [], [90, 91]]


def test_a_prompt_is_held_once_in_the_order_of_lists(data):
    assert data.prompt_ids.to_list() == [[2], [2, 1]]
    assert data.prompts_B.tolist() == [0, 0, 1, 1]


def test_a_rollout_of_two_pairs_is_held_once(data):
    assert data.rollout_ids_B.tolist() == [4, 5, 7, 9]
    assert data.response_ids.to_list() == [[40], [50, 51, 52], [], [90, 91]]


def test_the_pairs_keep_their_order(data):
    assert data.rollout_ids_N2.tolist() == [[9, 7], [5, 4], [5, 9]]


def test_lengths_count_the_prompt(data):
    assert data.lengths_N2().tolist() == [[4, 2], [4, 2], [4, 4]]
    assert data.items().to_dict(as_series=False) == {"item_id": [0, 1, 2], "length": [6, 6, 8]}


def test_an_id_takes_four_bytes():
    rows = 1000
    ids = {"prompt_ids": [[row // 2] * 40 for row in range(rows)], "response_ids": [[row] * 60 for row in range(rows)]}
    schema = dict.fromkeys(ids, pl.List(pl.Int32))
    rollouts = pl.DataFrame({"rollout_id": range(rows), **ids}, schema_overrides=schema)
    data = PairData.of(np.arange(rows).reshape(-1, 2), rollouts)
    tokens = 40 * rows // 2 + 60 * rows
    # The places of rows add a little to what the ids take.
    held = data.prompt_ids.estimated_size() + data.response_ids.estimated_size()
    assert 4 * tokens <= held < 4.4 * tokens
