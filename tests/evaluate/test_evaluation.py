"""An evaluation of answers written in advance, so that every number is known."""

import math

import pytest

from twogrpo.errors import DataError
from twogrpo.evaluate import Answering, AnswerPlan, answers, evaluate
from twogrpo.generate import Generation, SamplingParams
from twogrpo.prompts import Prompt
from twogrpo.rewards import CallableReward
from twogrpo.tiny.tokenizer import build_tokenizer

PARAMS = SamplingParams(max_new_tokens=4, temperature=0.7, top_p=0.9)
TOKENIZER = build_tokenizer()


class Answers:
    """Answers each prompt with the digits written for it: the samples first, the greedy answer last."""

    name = "written"

    def __init__(self, written):
        self.written = written
        self.calls = []

    def generate(self, prompts, *, group_size, params, seed, **_):
        self.calls.append((len(prompts), group_size, params, seed))
        texts = [text for (index,) in prompts for text in self._of(index, params)]
        ids = [TOKENIZER(text)["input_ids"] for text in texts]
        return Generation(ids, [[-0.5] * len(row) for row in ids], ["stop"] * len(ids))

    def sync(self):
        """Written answers do not change."""

    def _of(self, index, params):
        return self.written[index][-1:] if params.temperature == 0 else self.written[index][:-1]


def prompts(*datasets):
    return [Prompt(f"p{index}", ("1",), name, f"id{index}", (index,)) for index, name in enumerate(datasets)]


def one(responses, **_):
    """Pay the response 1, half for 5, and fail on 9."""
    return [{"1": 1.0, "5": 0.5, "9": None}.get(response, 0.0) for response in responses]


def evaluated(written, datasets, **named):
    generator = Answers(written)
    plan = AnswerPlan(samples=len(written[0]) - 1, params=PARAMS, seed=5, **named)
    return evaluate(Answering(generator, TOKENIZER, prompts(*datasets), CallableReward(one, "one"), plan)), generator


def test_the_three_scores_are_means_over_data_sets():
    written = [["1", "0", "1"], ["0", "0", "0"], ["1", "1", "0"]]
    result, _ = evaluated(written, ["a", "a", "b"])
    assert (result.mean_at_k, result.pass_at_k, result.greedy) == ((0.25 + 1) / 2, (0.5 + 1) / 2, (0.5 + 0) / 2)


def test_every_data_set_has_its_own_scores():
    result, _ = evaluated([["1", "0", "1"], ["0", "0", "1"]], ["a", "b"])
    assert {name: scores.mean_at_k for name, scores in result.by_dataset.items()} == {"a": 0.5, "b": 0.0}


def test_a_failed_reward_counts_zero_and_is_counted():
    result, _ = evaluated([["1", "9", "9"]], ["a"])
    assert (result.mean_at_k, result.greedy, result.failed) == (0.5, 0.0, 2)


def test_a_number_without_a_verdict_counts_as_it_is():
    result, _ = evaluated([["5", "5", "5"]], ["a"])
    assert (result.mean_at_k, result.pass_at_k) == (0.5, 0.0)


def test_without_a_greedy_answer_its_score_is_nan():
    result, _ = evaluated([["1", "0", "1"]], ["a"], greedy=False)
    assert math.isnan(result.greedy)
    assert result.answers["rollout_idx"].to_list() == [0, 1]


def test_the_greedy_answer_is_not_truncated():
    _, generator = evaluated([["1", "0", "1"]], ["a"])
    assert generator.calls[1][2] == SamplingParams(max_new_tokens=4, temperature=0.0)


def test_rows_are_sorted_with_the_greedy_answer_last():
    result, _ = evaluated([["1", "0", "5"], ["0", "1", "0"]], ["a", "a"])
    keys = result.answers.select("group_id", "rollout_idx", "response").rows()
    assert keys == [(0, 0, "1"), (0, 1, "0"), (0, 2, "5"), (1, 0, "0"), (1, 1, "1"), (1, 2, "0")]


def test_a_row_tells_how_it_was_sampled():
    rows = evaluated([["1", "0", "5"]], ["a"])[0].answers
    assert rows["temperature"].to_list() == [0.7, 0.7, 0.0]
    assert rows["generator"].to_list() == ["written"] * 3
    assert rows["logprobs"].to_list() == [[-0.5]] * 3


def test_a_row_carries_the_problem():
    rows = evaluated([["1", "0", "5"]], ["a"])[0].answers
    assert rows.select("dataset", "prompt_id", "prompt", "gold", "prompt_ids").row(0) == ("a", "id0", "p0", "1", [0])


def test_problems_are_asked_in_calls_with_seeds_of_their_own(monkeypatch):
    monkeypatch.setattr(answers, "_PROMPTS_PER_CALL", 2)
    _, generator = evaluated([["1", "0", "1"]] * 3, ["a"] * 3)
    assert [(count, seed) for count, _, _, seed in generator.calls] == [(2, 5), (2, 5), (1, 7), (1, 7)]


def test_the_number_of_calls_does_not_change_the_scores(monkeypatch):
    written = [["1", "0", "1"], ["0", "0", "0"], ["1", "1", "0"]]
    at_once = evaluated(written, ["a", "a", "b"])[0]
    monkeypatch.setattr(answers, "_PROMPTS_PER_CALL", 1)
    assert evaluated(written, ["a", "a", "b"])[0].by_dataset == at_once.by_dataset


@pytest.mark.parametrize(("datasets", "samples"), [([], 1), (["a"], 0)])
def test_nothing_to_evaluate_is_refused(datasets, samples):
    plan = AnswerPlan(samples, PARAMS, seed=0)
    with pytest.raises(DataError, match="nothing to evaluate"):
        evaluate(Answering(Answers([]), TOKENIZER, prompts(*datasets), CallableReward(one, "one"), plan))
