import pytest
import torch

from twogrpo.errors import ConfigError, DataError
from twogrpo.generate.protocol import SamplingParams, check_request, cut_rows


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_new_tokens", 0),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_k", -1),
        ("min_p", -0.1),
        ("min_p", 1.0),
    ],
)
def test_a_value_out_of_range_is_refused_by_key_and_value(key, value):
    with pytest.raises(ConfigError, match=rf"^{key}={value} is out of range; expected "):
        SamplingParams(**{"max_new_tokens": 4, key: value})


@pytest.mark.parametrize("cut", [{"top_p": 0.9}, {"top_k": 5}, {"min_p": 0.1}])
def test_each_cut_truncates_the_distribution(cut):
    assert SamplingParams(4, **cut).is_truncated
    assert not SamplingParams(4, temperature=0, **cut).is_truncated


def test_temperature_alone_does_not_truncate():
    assert not SamplingParams(4, temperature=0.7).is_truncated


def _check(prompts, *, group_size=1, max_new_tokens=4):
    params = SamplingParams(max_new_tokens)
    check_request(prompts, group_size=group_size, params=params, vocabulary=10, max_positions=8)


def test_a_sequence_may_fill_all_positions():
    _check([[1, 2, 3, 9]])


def test_a_prompt_too_long_is_refused_with_the_numbers():
    message = r"prompt 1 has 5 tokens and max_new_tokens=4, together 9; the model has 8 positions"
    with pytest.raises(DataError, match=message):
        _check([[1], [1, 2, 3, 4, 5]])


def test_an_empty_prompt_is_refused():
    with pytest.raises(DataError, match=r"^prompt 1 is empty"):
        _check([[1], []])


@pytest.mark.parametrize("token", [-1, 10])
def test_a_token_that_the_model_does_not_embed_is_refused(token):
    with pytest.raises(DataError, match=r"prompt 0 has token ids .* the model embeds 0 to 9"):
        _check([[5, token]])


def test_a_group_has_members():
    with pytest.raises(ConfigError, match=r"^group_size=0 is out of range"):
        _check([[1]], group_size=0)


def test_rows_end_with_their_first_stop_token():
    tokens_BT = torch.tensor([[5, 1, 6, 1], [5, 6, 7, 8], [5, 6, 7, 1]])
    generation = cut_rows(tokens_BT, -tokens_BT.float(), tokens_BT == 1)
    assert generation.response_ids == [[5, 1], [5, 6, 7, 8], [5, 6, 7, 1]]
    assert generation.logprobs == [[-5, -1], [-5, -6, -7, -8], [-5, -6, -7, -1]]
    assert generation.finish_reasons == ["stop", "length", "stop"]
