import pytest

from twogrpo.errors import ConfigError
from twogrpo.generate import SamplingParams, make_generator, stop_ids


@pytest.mark.parametrize(("configured", "expected"), [(None, {2}), (7, {2, 7}), ([7, 8], {2, 7, 8}), (2, {2})], ids=str)
def test_stop_ids_are_those_of_the_generation_config_and_of_the_tokenizer(qwen2, tokenizer, configured, expected):
    qwen2.generation_config.eos_token_id = configured
    assert stop_ids(qwen2, tokenizer) == expected


def test_a_tokenizer_without_an_end_token_adds_none(qwen2, tokenizer):
    tokenizer.eos_token = None
    assert stop_ids(qwen2, tokenizer) == frozenset()


def test_the_builtin_sampler_is_taken_where_it_serves(model, tokenizer):
    assert make_generator(model, tokenizer).name == "builtin"


def test_transformers_serves_the_rest(gpt2, tokenizer):
    generator = make_generator(gpt2, tokenizer)
    generation = generator.generate([[5, 6]], group_size=2, params=SamplingParams(6), seed=0)
    assert generator.name == "transformers"
    assert [len(row) for row in generation.response_ids] == [len(row) for row in generation.logprobs]


def test_transformers_can_be_asked_for(qwen2, tokenizer):
    assert make_generator(qwen2, tokenizer, backend="transformers").name == "transformers"


def test_the_builtin_sampler_refuses_another_architecture_and_says_what_to_do(gpt2, tokenizer):
    message = r"rollout\.backend=builtin .* GPT2LMHeadModel.*; use rollout\.backend=transformers"
    with pytest.raises(ConfigError, match=message):
        make_generator(gpt2, tokenizer, backend="builtin")


def test_an_unknown_backend_is_refused(qwen2, tokenizer):
    with pytest.raises(ConfigError, match=r"rollout\.backend=sglang is unknown"):
        make_generator(qwen2, tokenizer, backend="sglang")


def test_stop_tokens_end_the_responses_of_either_backend(qwen2, tokenizer):
    qwen2.generation_config.eos_token_id = list(range(37))
    for backend in ("builtin", "transformers"):
        generator = make_generator(qwen2, tokenizer, backend=backend)
        generation = generator.generate([[5]], group_size=1, params=SamplingParams(6), seed=0)
        assert generation.finish_reasons == ["stop"]
