"""Sampling with scoring beside it: the same scores as one after the other."""

import threading

import pytest

from twogrpo.errors import DataError
from twogrpo.generate import BuiltinGenerator, Generation, SamplingParams
from twogrpo.models import load_policy
from twogrpo.prompts import Prompt
from twogrpo.rewards import CallableReward, Scores, VerifierReward
from twogrpo.scored_sampling import sample_scored
from twogrpo.tiny.tokenizer import build_tokenizer

TOKENIZER = build_tokenizer()
PARAMS = SamplingParams(max_new_tokens=24)


class Written:
    """Gives written answers, and reports them in the parts that are asked for, backwards."""

    name = "written"

    def __init__(self, texts, parts):
        self.texts = texts
        self.parts = parts

    def generate(self, prompts, *, group_size, on_finished, **_):
        ids = [TOKENIZER(text)["input_ids"] for text in self.texts]
        assert len(ids) == len(prompts) * group_size
        if on_finished is not None:
            for part in reversed(self.parts):
                on_finished(part, [ids[row] for row in part])
        return Generation(ids, [[-0.5] * len(row) for row in ids], ["stop"] * len(ids))

    def sync(self):
        """Written answers do not change."""


class Length:
    """Scores by length in some way of its own, a row at a time; notes its threads."""

    name = "length"
    is_row_wise = True

    def __init__(self, fails_on=()):
        self.threads = []
        self.fails_on = fails_on

    def __call__(self, prompts, responses):
        self.threads.append(threading.current_thread())
        rewards = [None if text in self.fails_on else float(len(text)) for text in responses]
        failed = [text for text in responses if text in self.fails_on]
        rules = [f"{prompt.golds[0]}: {text}" for prompt, text in zip(prompts, responses, strict=True)]
        nothing = [None] * len(responses)
        return Scores(rewards, nothing, nothing, rules, nothing, self.name, f"no {failed[0]}" if failed else None)


def prompts(golds):
    return [Prompt(f"{gold}=", (gold,), "d", gold, tuple(TOKENIZER(f"{gold}=")["input_ids"])) for gold in golds]


def sampled(texts, parts, reward, golds="12"):
    return sample_scored(
        prompts(golds),
        generator=Written(texts, parts),
        tokenizer=TOKENIZER,
        reward=reward,
        group_size=len(texts) // len(golds),
        params=PARAMS,
        seed=0,
    )


@pytest.mark.parametrize(
    "parts", [[[0, 1, 2, 3]], [[0, 1], [2, 3]], [[1, 3], [0], [2]], [[3], [2], [1], [0]], [[2, 1, 3, 0]]], ids=str
)
def test_scores_stand_in_the_order_of_the_rows(parts):
    sample = sampled(["1", "22", "333", "4444"], parts, Length())
    assert sample.responses == ["1", "22", "333", "4444"]
    assert sample.scores.rewards == [1.0, 2.0, 3.0, 4.0]
    assert sample.scores.rule == ["1: 1", "1: 22", "2: 333", "2: 4444"]
    assert (sample.scores.verifier, sample.scores.error) == ("length", None)


@pytest.mark.parametrize("parts", [[[0, 1, 2, 3]], [[0, 3], [1, 2]], [[1, 3], [0, 2]]], ids=str)
def test_the_error_is_that_of_the_first_row_that_failed(parts):
    sample = sampled(["1", "22", "333", "4444"], parts, Length(fails_on=("22", "4444")))
    assert sample.scores.rewards == [1.0, None, 3.0, None]
    assert sample.scores.error == "no 22"


def test_finished_rows_are_scored_in_a_thread_of_their_own():
    reward = Length()
    sampled(["1", "2"], [[0], [1]], reward)
    assert len(reward.threads) == 2
    assert threading.main_thread() not in reward.threads


def test_a_function_sees_the_whole_batch_in_the_main_thread():
    calls = []

    def function(responses, **_):
        calls.append((responses, threading.current_thread()))
        return [1.0] * len(responses)

    sample = sampled(["1", "2", "3", "4"], [[0, 1], [2, 3]], CallableReward(function, "f"))
    assert calls == [(["1", "2", "3", "4"], threading.main_thread())]
    assert sample.scores.rewards == [1.0] * 4


def test_what_the_scoring_raises_comes_out():
    class Broken(Length):
        def __call__(self, *_):
            raise DataError("no score")

    with pytest.raises(DataError, match="no score"):
        sampled(["1", "2"], [[0], [1]], Broken())


def test_an_interrupted_sampler_waits_for_no_score_that_has_not_begun():
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(Length):
        def __call__(self, prompts, responses):
            begun.set()
            goes_on.wait(60)
            return super().__call__(prompts, responses)

    class Interrupted(Written):
        def generate(self, prompts, *, on_finished, **_):
            for row in range(len(prompts)):
                on_finished([row], [[5]])
            begun.wait(60)
            threading.Timer(0.2, goes_on.set).start()
            raise KeyboardInterrupt

    reward = Slow()
    with pytest.raises(KeyboardInterrupt):
        sample_scored(
            prompts("1234"),
            generator=Interrupted([], []),
            tokenizer=TOKENIZER,
            reward=reward,
            group_size=1,
            params=PARAMS,
            seed=0,
        )
    assert len(reward.threads) == 1


@pytest.mark.parametrize("parts", [[], [[0]], [[0], [0, 1]]], ids=str)
def test_a_generator_that_does_not_report_each_row_once_is_refused(parts):
    class Forgetful(Written):
        def generate(self, prompts, *, on_finished, **_):
            for part in parts:
                on_finished(part, [[5]] * len(part))
            return Generation([[5]] * len(prompts), [[-0.5]] * len(prompts), ["stop"] * len(prompts))

    with pytest.raises(RuntimeError, match="has not reported each of its 2 rows once"):
        sample_scored(
            prompts("12"),
            generator=Forgetful([], []),
            tokenizer=TOKENIZER,
            reward=Length(),
            group_size=1,
            params=PARAMS,
            seed=0,
        )


def test_the_verifier_judges_the_same_beside_a_real_sampler(model_folder):
    model = load_policy(str(model_folder), device="cpu", gradient_checkpointing=False)
    # Every fourth entry ends a response, so that rows of random weights end all along.
    generator = BuiltinGenerator(model, frozenset(range(0, len(TOKENIZER), 4)))
    reports = []

    class Noted(VerifierReward):
        def __call__(self, prompts, responses):
            reports.append(len(responses))
            return super().__call__(prompts, responses)

    asked = prompts([str(number) for number in range(32)])
    sample = sample_scored(
        asked, generator=generator, tokenizer=TOKENIZER, reward=Noted(), group_size=2, params=PARAMS, seed=3
    )
    assert len(reports) > 2
    assert sum(reports) == 64
    whole = VerifierReward()([prompt for prompt in asked for _ in range(2)], sample.responses)
    assert sample.scores == whole
    assert sample.responses == TOKENIZER.batch_decode(sample.generation.response_ids, skip_special_tokens=True)
