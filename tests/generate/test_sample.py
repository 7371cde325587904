import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from twogrpo.generate.protocol import SamplingParams
from twogrpo.generate.sample import sample

PROBS = [0.1, 0.4, 0.05, 0.25, 0.2]
LAST_UNIFORM = 1 - 2**-24


def _draw(uniform, **params):
    token, logp = sample(torch.tensor([PROBS]).log(), torch.tensor([uniform]), SamplingParams(1, **params))
    return token.item(), math.exp(logp.item())


@pytest.mark.parametrize(
    ("uniform", "token"),
    [(0.0, 0), (0.09, 0), (0.11, 1), (0.49, 1), (0.51, 2), (0.56, 3), (0.81, 4), (LAST_UNIFORM, 4)],
)
def test_a_uniform_number_picks_the_token_that_its_share_covers(uniform, token):
    assert _draw(uniform) == (token, pytest.approx(PROBS[token], rel=1e-5))


def test_temperature_sharpens():
    total = sum(p**2 for p in PROBS)
    assert _draw(0.3, temperature=0.5) == (1, pytest.approx(0.16 / total, rel=1e-5))


def test_top_k_keeps_the_k_likeliest():
    drawn = {_draw(step / 100, top_k=2) for step in range(100)}
    assert {token for token, _ in drawn} == {1, 3}
    assert {round(prob, 5) for _, prob in drawn} == {round(0.4 / 0.65, 5), round(0.25 / 0.65, 5)}


def test_top_k_above_the_vocabulary_is_no_cut():
    assert {_draw(step / 100, top_k=99)[0] for step in range(100)} == set(range(5))


@pytest.mark.parametrize(("top_p", "kept"), [(0.01, {1}), (0.39, {1}), (0.41, {1, 3}), (0.7, {1, 3, 4})])
def test_top_p_keeps_the_fewest_tokens_that_reach_it(top_p, kept):
    assert {_draw(step / 100, top_p=top_p)[0] for step in range(100)} == kept


def test_min_p_drops_what_is_far_below_the_likeliest():
    assert {_draw(step / 100, min_p=0.45)[0] for step in range(100)} == {1, 3, 4}


def test_top_p_counts_the_mass_that_top_k_left():
    # Of the two that top-k keeps, the first holds 0.4 / 0.65 = 0.615 of the mass.
    assert {_draw(step / 100, top_k=2, top_p=0.6)[0] for step in range(100)} == {1}
    assert {_draw(step / 100, top_k=2, top_p=0.63)[0] for step in range(100)} == {1, 3}


def test_greedy_takes_the_likeliest_and_reports_its_own_distribution():
    assert _draw(0.99, temperature=0, top_k=1) == (1, pytest.approx(0.4, rel=1e-5))


def test_rows_are_drawn_independently():
    logits_BV = torch.tensor([[0.0, -math.inf], [-math.inf, 0.0]])
    tokens_B, logps_B = sample(logits_BV, torch.tensor([0.9, 0.0]), SamplingParams(1))
    assert tokens_B.tolist() == [0, 1]
    assert logps_B.tolist() == [0, 0]


@given(
    logits=st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=40),
    uniform=st.integers(0, 2**24 - 1).map(lambda bits: bits / 2**24),
    temperature=st.sampled_from([0.0, 0.3, 1.0, 2.0]),
    top_k=st.integers(0, 45),
    top_p=st.floats(0.01, 1),
    min_p=st.floats(0, 0.99),
)
def test_what_is_drawn_has_a_finite_logprob_of_at_most_zero(logits, uniform, temperature, top_k, top_p, min_p):
    params = SamplingParams(1, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    token, logp = sample(torch.tensor([logits]), torch.tensor([uniform]), params)
    assert 0 <= token.item() < len(logits)
    assert math.isfinite(logp.item())
    assert logp.item() <= 1e-5
