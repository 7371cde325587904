import copy
import math

import pytest
import torch

from twogrpo.errors import DataError
from twogrpo.generate import BuiltinGenerator, SamplingParams, builtin

NO_STOPS = frozenset()
SAMPLING = [
    {},
    {"temperature": 0.7},
    {"top_k": 4},
    {"top_p": 0.8},
    {"min_p": 0.2},
    {"temperature": 1.3, "top_k": 9, "top_p": 0.9, "min_p": 0.05},
]


def _generate(generator, prompts, *, group_size=2, seed=0, max_new_tokens=12, **params):
    return generator.generate(
        prompts, group_size=group_size, params=SamplingParams(max_new_tokens, **params), seed=seed
    )


def _greedy_of_transformers(model, prompt, max_new_tokens):
    ids = torch.tensor([prompt])
    sequence = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=max_new_tokens, pad_token_id=0
    )
    return sequence[0, len(prompt) :].tolist()


def test_greedy_tokens_are_those_of_transformers(model, prompts):
    generation = _generate(BuiltinGenerator(model, NO_STOPS), prompts, group_size=1, temperature=0)
    assert generation.response_ids == [_greedy_of_transformers(model, prompt, 12) for prompt in prompts]


def test_greedy_logprobs_are_of_temperature_one(model, prompts, expected_logps):
    generation = _generate(BuiltinGenerator(model, NO_STOPS), prompts, group_size=1, temperature=0)
    for prompt, response, logps in zip(prompts, generation.response_ids, generation.logprobs, strict=True):
        assert logps == pytest.approx(expected_logps(model, prompt, response), abs=1e-4)


@pytest.mark.parametrize("params", SAMPLING, ids=str)
def test_logprobs_are_of_the_processed_distribution(model, prompts, params, expected_logps):
    generation = _generate(BuiltinGenerator(model, NO_STOPS), prompts, **params)
    for row, (response, logps) in enumerate(zip(generation.response_ids, generation.logprobs, strict=True)):
        assert logps == pytest.approx(expected_logps(model, prompts[row // 2], response, **params), abs=1e-4)


@pytest.mark.parametrize("params", [{}, {"temperature": 0.7, "top_k": 12}], ids=str)
def test_tokens_are_as_frequent_as_they_are_probable(qwen2, params, expected_logps):
    draws, prompt = 20_000, [5, 6, 7]
    generation = _generate(BuiltinGenerator(qwen2, NO_STOPS), [prompt], group_size=draws, max_new_tokens=1, **params)
    counts = torch.tensor([row[0] for row in generation.response_ids]).bincount(minlength=37)
    expected = {
        token: draws * math.exp(expected_logps(qwen2, prompt, [token], **params)[0])
        for token in counts.nonzero()[:, 0].tolist()
    }
    # Rare tokens, expected fewer than five times, make one class of their own.
    common = [token for token, count in expected.items() if count >= 5]
    rare, rare_expected = draws - int(counts[common].sum()), draws - sum(expected[token] for token in common)
    chi_square = sum((int(counts[token]) - expected[token]) ** 2 / expected[token] for token in common)
    chi_square += (rare - rare_expected) ** 2 / max(rare_expected, 1.0)
    freedom = len(common)
    assert len(common) > 8
    assert chi_square < freedom + 4 * math.sqrt(2 * freedom)


def test_the_same_seed_gives_the_same_rows(qwen2, prompts):
    generator = BuiltinGenerator(qwen2, NO_STOPS)
    assert _generate(generator, prompts, seed=7) == _generate(generator, prompts, seed=7)


def test_another_seed_gives_other_rows(qwen2, prompts):
    generator = BuiltinGenerator(qwen2, NO_STOPS)
    assert _generate(generator, prompts, seed=7).response_ids != _generate(generator, prompts, seed=8).response_ids


def test_members_of_a_group_differ(qwen2, prompts):
    rows = _generate(BuiltinGenerator(qwen2, NO_STOPS), prompts).response_ids
    assert all(first != second for first, second in zip(rows[::2], rows[1::2], strict=True))


@pytest.mark.parametrize("limit", [{"max_rows": 1}, {"max_rows": 5}, {"max_bytes": 1}], ids=str)
def test_chunks_do_not_change_the_rows(qwen2, prompts, limit):
    stops = frozenset({3, 4})
    whole = _generate(BuiltinGenerator(qwen2, stops), prompts, group_size=3)
    parts = _generate(BuiltinGenerator(qwen2, stops, **limit), prompts, group_size=3)
    assert parts.response_ids == whole.response_ids
    assert parts.finish_reasons == whole.finish_reasons


def test_blocks_of_prompts_do_not_change_the_rows(qwen2, prompts, monkeypatch):
    whole = _generate(BuiltinGenerator(qwen2, NO_STOPS), prompts)
    monkeypatch.setattr(builtin, "_PREFILL_TOKENS_ON_CPU", 16)
    assert _generate(BuiltinGenerator(qwen2, NO_STOPS), prompts).response_ids == whole.response_ids


@pytest.mark.parametrize("full_enough", [0.0, 0.5, 1.0])
def test_a_row_ends_with_its_first_stop_token_and_is_else_as_without(qwen2, prompts, monkeypatch, full_enough):
    monkeypatch.setattr(builtin, "_FULL_ENOUGH", full_enough)
    stops = frozenset({3, 11, 30})
    endless = _generate(BuiltinGenerator(qwen2, NO_STOPS), prompts, group_size=20, max_new_tokens=24)
    ended = _generate(BuiltinGenerator(qwen2, stops), prompts, group_size=20, max_new_tokens=24)
    ends = [next((at + 1 for at, token in enumerate(row) if token in stops), None) for row in endless.response_ids]
    assert ended.response_ids == [row[:end] for row, end in zip(endless.response_ids, ends, strict=True)]
    assert ended.finish_reasons == ["length" if end is None else "stop" for end in ends]
    assert set(ended.finish_reasons) == {"stop", "length"}
    assert {row[-1] for row in ended.response_ids} >= stops


def test_a_stop_token_in_the_last_place_is_a_stop(qwen2):
    stops = frozenset(range(37))
    generation = _generate(BuiltinGenerator(qwen2, stops), [[5]], max_new_tokens=1)
    assert generation.finish_reasons == ["stop", "stop"]
    assert [len(row) for row in generation.response_ids] == [1, 1]


def test_a_stop_token_that_the_model_cannot_give_is_ignored(qwen2):
    generation = _generate(BuiltinGenerator(qwen2, frozenset({99})), [[5]], max_new_tokens=3)
    assert generation.finish_reasons == ["length", "length"]


def test_rows_are_prompt_major(qwen2, prompts):
    generator = BuiltinGenerator(qwen2, NO_STOPS)
    single = _generate(generator, prompts, group_size=1, temperature=0).response_ids
    grouped = _generate(generator, prompts, group_size=3, temperature=0).response_ids
    assert grouped == [row for row in single for _ in range(3)]


def test_later_prompts_do_not_change_earlier_rows(qwen2, prompts):
    generator = BuiltinGenerator(qwen2, NO_STOPS)
    assert _generate(generator, prompts[:2]).response_ids == _generate(generator, prompts).response_ids[:4]


def test_no_prompts_give_no_rows(qwen2):
    assert _generate(BuiltinGenerator(qwen2, NO_STOPS), []).response_ids == []


def test_an_optimizer_step_shows_after_sync_only(model, prompts):
    generator = BuiltinGenerator(model, NO_STOPS)
    before = _generate(generator, prompts)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(torch.tensor(prompts[:1]), labels=torch.tensor(prompts[:1])).loss.backward()
    optimizer.step()
    assert _generate(generator, prompts) == before
    generator.sync()
    after = _generate(generator, prompts)
    assert after == _generate(BuiltinGenerator(model, NO_STOPS), prompts)
    assert after != before


def test_bfloat16_is_close(model, prompts, expected_logps):
    generation = _generate(BuiltinGenerator(model, NO_STOPS, dtype=torch.bfloat16), prompts)
    rounded = copy.deepcopy(model).to(torch.bfloat16).float()
    rounded.model.rotary_emb = model.model.rotary_emb
    differences = [
        abs(found - expected)
        for row, response in enumerate(generation.response_ids)
        for found, expected in zip(
            generation.logprobs[row], expected_logps(rounded, prompts[row // 2], response), strict=True
        )
    ]
    assert sum(differences) / len(differences) < 0.05
    assert max(differences) < 0.5


def test_the_global_random_state_is_left_alone(qwen2, prompts):
    state = torch.get_rng_state()
    _generate(BuiltinGenerator(qwen2, NO_STOPS), prompts)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_global_random_state_is_not_read(qwen2, prompts):
    generator = BuiltinGenerator(qwen2, NO_STOPS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = _generate(generator, prompts)
        torch.manual_seed(2)
        assert _generate(generator, prompts) == first


def test_a_prompt_beyond_the_model_s_positions_is_refused(qwen2):
    with pytest.raises(DataError, match="prompt 0 has 53 tokens and max_new_tokens=12, together 65; the model has 64"):
        _generate(BuiltinGenerator(qwen2, NO_STOPS), [[5] * 53])


def test_the_last_position_can_be_used(qwen2):
    assert len(_generate(BuiltinGenerator(qwen2, NO_STOPS), [[5] * 52]).response_ids[0]) == 12


def test_a_gpu_gives_the_same_logprobs(model, prompts, expected_logps):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    generation = _generate(BuiltinGenerator(copy.deepcopy(model).cuda(), NO_STOPS), prompts)
    for row, (response, logps) in enumerate(zip(generation.response_ids, generation.logprobs, strict=True)):
        assert logps == pytest.approx(expected_logps(model, prompts[row // 2], response), abs=1e-3)


@pytest.mark.parametrize("max_rows", [1024, 9])
def test_rows_are_handed_on_as_they_finish(qwen2, prompts, max_rows):
    reports = []
    generator = BuiltinGenerator(qwen2, frozenset({3, 11, 30}), max_rows=max_rows)
    generation = generator.generate(
        prompts,
        group_size=16,
        params=SamplingParams(24),
        seed=0,
        on_finished=lambda rows, ids: reports.append((rows, ids)),
    )
    told = {row: ids for rows, part in reports for row, ids in zip(rows, part, strict=True)}
    assert sum(len(rows) for rows, _ in reports) == len(told) == 64
    assert [told[row] for row in range(64)] == generation.response_ids
    assert all(rows == sorted(rows) for rows, _ in reports)
    # More than once a chunk, so some rows went on while others were handed on.
    assert len(reports) > -(-64 // max_rows) + 1
    assert {"stop", "length"} == set(generation.finish_reasons)
    silent = generator.generate(prompts, group_size=16, params=SamplingParams(24), seed=0)
    assert silent == generation
