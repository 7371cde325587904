import json

import pytest

from twogrpo.evaluate.scorecard import scorecard
from twogrpo.evaluate.scores import ProblemScores, pass_at_k


def problem(samples, dataset="a", greedy=1.0, **facts):
    named = {"prompt_id": "id", "failed": 0, "cut": 0, "tokens": 10, **facts}
    return ProblemScores(dataset=dataset, samples=samples, greedy=greedy, **named)


def card(*problems, ks=(1, 2, 4)):
    return scorecard(problems, ks=ks, resamples=200, seed=0)


TWO = (problem((1.0, 0.0, 0.0, 0.0)), problem((1.0, 1.0, 0.0, 0.0), greedy=0.0))


def test_the_scores_have_the_names_of_summaries():
    assert list(card(*TWO).scores) == ["mean_at_4", "pass_at_1", "pass_at_2", "pass_at_4", "greedy"]


def test_pass_at_every_k_is_unbiased():
    scores = card(*TWO).scores
    for k in (1, 2, 4):
        assert scores[f"pass_at_{k}"].value == pytest.approx((pass_at_k(4, 1, k) + pass_at_k(4, 2, k)) / 2)


def test_a_value_lies_in_its_interval():
    assert all(each.low <= each.value <= each.high for each in card(*TWO).scores.values())


def test_without_greedy_answers_there_is_no_such_score():
    assert "greedy" not in card(problem((1.0, 0.0), greedy=float("nan")), ks=(1, 2)).scores


def test_scores_over_data_sets_are_means_of_their_means():
    found = card(problem((1.0, 1.0)), problem((1.0, 1.0)), problem((0.0, 0.0), dataset="b"), ks=(1,))
    assert found.scores["mean_at_2"].value == 0.5
    assert {name: (each.problems, each.scores["mean_at_2"].value) for name, each in found.by_dataset.items()} == {
        "a": (2, 1.0),
        "b": (1, 0.0),
    }


def test_cut_answers_lengths_and_failures_are_told():
    found = card(problem((1.0, 0.0), cut=1, tokens=30, failed=2), problem((0.0, 0.0), tokens=10), ks=(1,))
    assert (found.cut_share, found.response_tokens_mean, found.failed) == (0.25, 10.0, 2)


def test_it_is_written_as_json():
    shown = json.loads(json.dumps(card(*TWO).as_json()))
    assert shown["scores"]["mean_at_4"] == {"value": 0.375, "low": 0.25, "high": 0.5}
    assert shown["datasets"]["a"]["problems"] == shown["problems"] == 2
