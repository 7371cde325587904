"""The untrained tiny model."""

import pytest
import torch

from twogrpo.tiny.model import build_model
from twogrpo.tiny.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def test_the_model_has_about_431_thousand_parameters(tokenizer):
    assert build_model(tokenizer, 0).num_parameters() == pytest.approx(431_000, rel=0.01)


def test_a_head_has_the_32_numbers_that_vllm_needs(tokenizer):
    attention = build_model(tokenizer, 0).model.layers[0].self_attn
    assert attention.head_dim == 32


def test_equal_seeds_give_equal_weights(tokenizer):
    first, second = build_model(tokenizer, 3), build_model(tokenizer, 3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_other_seeds_give_other_weights(tokenizer):
    first, second = build_model(tokenizer, 3), build_model(tokenizer, 4)
    assert not torch.equal(first.lm_head.weight, second.lm_head.weight)


def test_the_callers_random_state_is_left_alone(tokenizer):
    before = torch.random.get_rng_state()
    build_model(tokenizer, 3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_generation_stops_at_the_end_token(tokenizer):
    config = build_model(tokenizer, 0).generation_config
    assert (config.eos_token_id, config.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
