"""The data set that stands in the place of OpenRLHF's: exact token ids, in the order of the file, for every rank."""

import pytest
import torch

from twogrpo.openrlhf.pair_data_set import OrderedSampler, PairDataset

ROWS = [
    {"prompt_ids": [5, 6, 7], "chosen_ids": [8, 9], "rejected_ids": [8]},
    {"prompt_ids": [5], "chosen_ids": [1, 2, 3, 4], "rejected_ids": []},
]


@pytest.fixture
def data(tiny_model):
    from transformers import AutoTokenizer

    return PairDataset(ROWS, AutoTokenizer.from_pretrained(tiny_model), 8, None, input_template=None, is_dpo=True)


def test_a_row_is_its_stored_ids(data):
    chosen, chosen_mask, rejected, rejected_mask, prompt = data[0]
    assert chosen.tolist() == [[5, 6, 7, 8, 9]]
    assert rejected.tolist() == [[5, 6, 7, 8]]
    assert prompt == 3
    assert chosen_mask.tolist() == [[1] * 5]
    assert rejected_mask.tolist() == [[1] * 4]


def test_a_cut_response_keeps_its_last_token(data):
    # OpenRLHF's own data set would put the end token in the place of the 4.
    assert data[1][0].tolist() == [[5, 1, 2, 3, 4]]


def test_shorter_rows_are_padded_on_the_right(data):
    chosen, chosen_mask, rejected, rejected_mask, prompts = data.collate_fn([data[0], data[1]])
    pad = data.tokenizer.pad_token_id
    assert chosen.tolist() == [[5, 6, 7, 8, 9], [5, 1, 2, 3, 4]]
    assert rejected.tolist() == [[5, 6, 7, 8], [5, pad, pad, pad]]
    assert rejected_mask.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]
    assert chosen_mask.sum() == 10
    assert prompts == [3, 1]


def test_the_ranks_share_each_batch_in_the_order_of_the_file():
    rows = torch.utils.data.TensorDataset(torch.arange(12))
    samplers = [
        OrderedSampler(rows, num_replicas=2, rank=rank, shuffle=True, seed=1, drop_last=True) for rank in (0, 1)
    ]
    first, second = (list(sampler) for sampler in samplers)
    assert first == [0, 2, 4, 6, 8, 10]
    assert second == [1, 3, 5, 7, 9, 11]


def test_a_resumed_rank_goes_on_where_it_was():
    rows = torch.utils.data.TensorDataset(torch.arange(12))
    sampler = OrderedSampler(rows, num_replicas=2, rank=1, shuffle=True, seed=1, drop_last=True)
    sampler.set_epoch(0, consumed_samples=8)
    assert list(sampler) == [9, 11]
