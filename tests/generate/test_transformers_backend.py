import pytest
import torch

from twogrpo.errors import DataError
from twogrpo.generate import BuiltinGenerator, SamplingParams, TransformersGenerator

NO_STOPS = frozenset()
SAMPLING = [
    {},
    {"temperature": 0},
    {"temperature": 0.7},
    {"top_k": 4},
    {"top_p": 0.8},
    {"min_p": 0.2},
    {"temperature": 1.3, "top_k": 9, "top_p": 0.9, "min_p": 0.05},
]


def _generate(generator, prompts, *, group_size=2, seed=0, max_new_tokens=10, **params):
    return generator.generate(
        prompts, group_size=group_size, params=SamplingParams(max_new_tokens, **params), seed=seed
    )


@pytest.mark.parametrize("params", SAMPLING, ids=str)
def test_logprobs_are_of_the_processed_distribution(gpt2, prompts, params, expected_logps):
    generation = _generate(TransformersGenerator(gpt2, NO_STOPS), prompts, **params)
    distribution = {} if params.get("temperature") == 0 else params
    for row, (response, logps) in enumerate(zip(generation.response_ids, generation.logprobs, strict=True)):
        assert logps == pytest.approx(expected_logps(gpt2, prompts[row // 2], response, **distribution), abs=1e-4)


def test_greedy_rows_are_those_of_the_builtin_sampler(model, prompts):
    stops = frozenset({3, 11, 30})
    peer = _generate(TransformersGenerator(model, stops), prompts, temperature=0)
    ours = _generate(BuiltinGenerator(model, stops), prompts, temperature=0)
    assert peer.response_ids == ours.response_ids
    assert peer.finish_reasons == ours.finish_reasons


def test_rows_end_with_their_first_stop_token(gpt2, prompts):
    stops = frozenset({3, 11, 30})
    generation = _generate(TransformersGenerator(gpt2, stops), prompts, group_size=10, max_new_tokens=16)
    for row, logps, reason in zip(generation.response_ids, generation.logprobs, generation.finish_reasons, strict=True):
        assert stops.isdisjoint(row[:-1])
        assert (row[-1] in stops) == (reason == "stop")
        assert len(row) == 16 or reason == "stop"
        assert len(logps) == len(row)
    assert set(generation.finish_reasons) == {"stop", "length"}


def test_sampling_values_of_the_model_folder_do_not_apply(gpt2, prompts):
    plain = _generate(TransformersGenerator(gpt2, NO_STOPS), prompts)
    gpt2.generation_config.update(
        do_sample=True, temperature=0.1, top_k=1, top_p=0.1, min_p=0.9, repetition_penalty=5.0, max_length=3
    )
    assert _generate(TransformersGenerator(gpt2, NO_STOPS), prompts) == plain


def test_the_model_is_left_as_it_was(gpt2, prompts):
    gpt2.train()
    config = gpt2.generation_config
    _generate(TransformersGenerator(gpt2, NO_STOPS), prompts)
    assert gpt2.training
    assert gpt2.generation_config is config


def test_the_same_seed_gives_the_same_rows(gpt2, prompts):
    generator = TransformersGenerator(gpt2, NO_STOPS)
    assert _generate(generator, prompts, seed=7) == _generate(generator, prompts, seed=7)
    assert _generate(generator, prompts, seed=7) != _generate(generator, prompts, seed=8)


def test_the_global_random_state_is_left_alone(gpt2, prompts):
    state = torch.get_rng_state()
    _generate(TransformersGenerator(gpt2, NO_STOPS), prompts)
    assert torch.equal(torch.get_rng_state(), state)


def test_rows_are_prompt_major_over_chunks(gpt2, prompts):
    single = _generate(TransformersGenerator(gpt2, NO_STOPS), prompts, group_size=1, temperature=0).response_ids
    grouped = _generate(TransformersGenerator(gpt2, NO_STOPS, max_rows=5), prompts, group_size=3, temperature=0)
    assert grouped.response_ids == [row for row in single for _ in range(3)]


def test_weights_are_live(gpt2, prompts):
    generator = TransformersGenerator(gpt2, NO_STOPS)
    before = _generate(generator, prompts)
    with torch.no_grad():
        gpt2.transformer.ln_f.weight.mul_(2)
    assert _generate(generator, prompts) != before


def test_bfloat16_is_close(gpt2, prompts, expected_logps):
    generation = _generate(TransformersGenerator(gpt2, NO_STOPS, dtype=torch.bfloat16), prompts)
    for row, (response, logps) in enumerate(zip(generation.response_ids, generation.logprobs, strict=True)):
        assert logps == pytest.approx(expected_logps(gpt2, prompts[row // 2], response), abs=0.5)


def test_a_prompt_beyond_the_model_s_positions_is_refused(gpt2):
    with pytest.raises(DataError, match="together 65; the model has 64 positions"):
        _generate(TransformersGenerator(gpt2, NO_STOPS), [[5] * 55])


def test_rows_are_handed_on_chunk_by_chunk(gpt2, prompts):
    reports = []
    generator = TransformersGenerator(gpt2, frozenset({3, 11, 30}), max_rows=3)
    generation = generator.generate(
        prompts, group_size=2, params=SamplingParams(8), seed=0, on_finished=lambda *report: reports.append(report)
    )
    assert [rows for rows, _ in reports] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert [ids for _, part in reports for ids in part] == generation.response_ids
