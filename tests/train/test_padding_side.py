"""Rows padded on the left, with positions that begin behind the padding, are the same rows."""

from functools import cache

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from tests.train import small_models
from tests.train.invariance_cuts import padded_left
from tests.train.small_models import MODELS, PROMPTS, RESPONSES, VOCABULARY, logps_and_gradients
from twogrpo.train.logprobs import TokenBatch

NAMES = ["positions that are added", *MODELS]
# Rotations depend on differences of positions alone, so that a model of them hardly knows where it begins.
ABSOLUTE = "positions that are added"


def make(name):
    if name != ABSOLUTE:
        return small_models.make(name)
    torch.manual_seed(0)
    shape = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    quiet = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(GPT2Config(**shape, **quiet, initializer_range=0.3)).double().train()


@cache
def padded_right(name):
    return logps_and_gradients(make(name), TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0))


@pytest.mark.parametrize("pad_id", [0, 36])
@pytest.mark.parametrize("name", NAMES)
def test_logprobs_and_gradients_are_those_of_rows_padded_on_the_right(name, pad_id):
    batch = padded_left(TokenBatch.pack(PROMPTS, RESPONSES, pad_id=pad_id))
    # The rows end together, and all but the longest begin with padding.
    assert batch.attention_mask_BT[:, -1].all()
    assert batch.attention_mask_BT[:, 0].sum() == 1
    logps_BR, gradients = logps_and_gradients(make(name), batch)
    expected_BR, expected = padded_right(name)
    torch.testing.assert_close(logps_BR, expected_BR, rtol=0, atol=1e-10)
    torch.testing.assert_close(gradients, expected, rtol=0, atol=1e-9)


def test_positions_counted_from_the_padding_on_would_be_another_model():
    batch = padded_left(TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0))
    counted = TokenBatch(batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
    logps_BR, _ = logps_and_gradients(make(ABSOLUTE), counted)
    expected_BR, _ = padded_right(ABSOLUTE)
    longest = max(range(len(PROMPTS)), key=lambda row: len(PROMPTS[row]) + len(RESPONSES[row]))
    torch.testing.assert_close(logps_BR[longest], expected_BR[longest], rtol=0, atol=1e-10)
    is_moved_B = (logps_BR - expected_BR).abs().amax(dim=1) > 0.01
    assert is_moved_B.tolist() == [row != longest and bool(RESPONSES[row]) for row in range(len(RESPONSES))]
