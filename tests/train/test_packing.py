from itertools import pairwise
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from twogrpo.errors import DataError
from twogrpo.train.packing import PackedBatch, like_lengths


def test_a_shared_prompt_stands_in_the_stream_once_and_last_tokens_not_at_all():
    batch = PackedBatch.pack([[1, 2], [3], [1, 2]], [[4, 5], [], [6, 7, 8]])
    assert batch.input_ids_N.tolist() == [1, 2, 4, 3, 6, 7]
    assert batch.position_ids_N.tolist() == [0, 1, 2, 0, 2, 3]
    assert batch.targets_M.tolist() == [4, 5, 6, 7, 8]
    # The first token of a response is predicted by the prompt's last one.
    assert batch.outputs_K.tolist() == [1, 2, 4, 5]
    assert batch.outputs_K[batch.predictors_M].tolist() == [1, 2, 1, 4, 5]
    assert batch.mask_BR.tolist() == [[True, True, False], [False] * 3, [True] * 3]


def test_without_sharing_every_prompt_stands_in_the_stream():
    batch = PackedBatch.pack([[1, 2], [1, 2]], [[4], [5, 6]], share_prompts=False)
    assert batch.input_ids_N.tolist() == [1, 2, 1, 2, 5]
    assert batch.position_ids_N.tolist() == [0, 1, 0, 1, 2]


def test_prompts_are_shared_by_all_of_their_tokens():
    batch = PackedBatch.pack([[1, 2], [1]], [[4], [2, 6]])
    assert batch.input_ids_N.tolist() == [1, 2, 1, 2]


def test_each_row_holds_its_prompt_and_response():
    batch = PackedBatch.pack([[1, 2], [3], [1, 2]], [[4, 5], [9, 9], [6, 7, 8]])
    (block,) = batch.rows.blocks
    assert batch.input_ids_N[block].tolist() == [[1, 2, 6, 7], [1, 2, 4, 4], [3, 9, 9, 9]]


def test_every_token_takes_its_place_in_one_row_of_its_own():
    batch = PackedBatch.pack([[1, 2], [3], [1, 2]], [[4, 5], [9, 9], [6, 7, 8]])
    flat = torch.cat([block.flatten() for block in batch.rows.blocks])
    assert torch.equal(flat[batch.rows.place_N], torch.arange(len(batch.input_ids_N)))


def test_rows_of_unlike_length_stand_in_blocks_of_their_own():
    lengths = [40] * 8 + [10] * 3
    prompts = [[row] for row in range(len(lengths))]
    batch = PackedBatch.pack(prompts, [[5] * length for length in lengths])
    assert [tuple(block.shape) for block in batch.rows.blocks] == [(8, 40), (3, 10)]
    flat = torch.cat([block.flatten() for block in batch.rows.blocks])
    assert torch.equal(flat[batch.rows.place_N], torch.arange(len(batch.input_ids_N)))


def test_blocks_go_from_the_longest_row_to_the_shortest():
    assert like_lengths([4, 9, 5, 9]) == [[1, 3, 2, 0]]
    assert like_lengths([10] * 8 + [8, 7]) == [[0, 1, 2, 3, 4, 5, 6, 7, 8], [9]]


def test_a_long_row_does_not_pad_short_ones():
    assert like_lengths([40] * 7 + [4096]) == [[7], [0, 1, 2, 3, 4, 5, 6]]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60))
def test_at_least_three_quarters_of_every_block_are_tokens(lengths):
    blocks = like_lengths(lengths)
    assert sorted(row for rows in blocks for row in rows) == list(range(len(lengths)))
    for rows in blocks:
        assert sum(lengths[row] for row in rows) >= 0.75 * len(rows) * lengths[rows[0]]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60))
def test_each_block_is_shorter_by_a_quarter_than_the_one_before(lengths):
    longest = [lengths[rows[0]] for rows in like_lengths(lengths)]
    assert all(after < 0.75 * before for before, after in pairwise(longest))


@pytest.mark.parametrize("seed", range(5))
def test_many_short_rows_stand_in_three_blocks(seed):
    # 64 pairs of 30 to 60 tokens: 60 to 45, 44 to 33 and the rest.
    lengths = Random(seed).choices(range(30, 61), k=128)
    assert len(like_lengths(lengths)) == 3


def test_a_prompt_without_tokens_is_refused_by_row():
    with pytest.raises(DataError, match="prompt 1 has no tokens"):
        PackedBatch.pack([[1], []], [[2], [3]])


@pytest.mark.parametrize(("prompts", "responses"), [([], []), ([[1]], [])])
def test_rows_that_do_not_match_are_refused(prompts, responses):
    with pytest.raises(DataError, match="expected one response a prompt"):
        PackedBatch.pack(prompts, responses)
