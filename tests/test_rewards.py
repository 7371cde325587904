"""Rewards: the verifier, and functions of the user's."""

import math

import numpy as np
import pytest

from twogrpo.errors import ConfigError, VerifyError
from twogrpo.prompts import Prompt
from twogrpo.rewards import CallableReward, VerifierReward, load_reward


def prompt(gold="46", text="12+34"):
    golds = (gold,) if isinstance(gold, str) else tuple(gold)
    return Prompt(text=text, golds=golds, dataset="d", prompt_id="0", token_ids=(1,))


PROMPTS = [prompt(), prompt("2"), prompt("3")]
RESPONSES = ["a", "b", "c"]


def scored(function):
    scores = CallableReward(function, "f.py:f")(PROMPTS, RESPONSES)
    return scores, scores.error


# -- the verifier


def test_the_verifier_pays_right_answers_only():
    scores = VerifierReward()([prompt()] * 3, [r"\boxed{46}", r"\boxed{47}", "no answer"])
    assert scores.rewards == [1.0, 0.0, 0.0]


def test_the_verifier_tells_verdict_status_rule_and_answer():
    scores = VerifierReward()([prompt()], [r"so \boxed{46}"])
    assert (scores.correct, scores.status, scores.extracted) == ([True], ["match"], ["46"])
    assert scores.rule[0] is not None


def test_repeating_the_question_earns_nothing():
    assert VerifierReward()([prompt()], [r"\boxed{12+34}"]).rewards == [0.0]


def test_each_of_several_golds_is_accepted():
    scores = VerifierReward()([prompt(["7", "46"])] * 2, [r"\boxed{46}", r"\boxed{7}"])
    assert scores.rewards == [1.0, 1.0]


def test_each_response_is_held_against_its_own_prompt():
    scores = VerifierReward()([prompt("1"), prompt("2")], [r"\boxed{2}", r"\boxed{2}"])
    assert scores.rewards == [0.0, 1.0]


def test_an_unusable_gold_is_a_failure_and_no_zero():
    reward = VerifierReward()
    scores = reward([prompt(r"\frac{")], [r"\boxed{46}"])
    assert scores.rewards == [None]
    assert "unparsable_gold" in scores.error


def test_the_verifier_names_version_and_profile():
    reward = VerifierReward("rl")
    assert reward.name.startswith("twogrpo@")
    assert reward.name.endswith(":rl")
    assert reward([prompt()], ["x"]).verifier == reward.name


def test_an_unknown_profile_is_refused_at_once():
    with pytest.raises(VerifyError, match="sloppy"):
        VerifierReward("sloppy")


def test_an_empty_batch_has_empty_scores():
    assert VerifierReward()([], []).rewards == []


# -- a function


def test_a_function_gets_prompts_responses_and_golds_by_name():
    seen = {}

    def function(**named):
        seen.update(named)
        return [0, 0, 0]

    scored(function)
    assert seen == {"prompts": ["12+34"] * 3, "responses": RESPONSES, "golds": [["46"], ["2"], ["3"]]}


@pytest.mark.parametrize(
    "returned", [[1, 0.5, True], (1.0, 0.5, 1.0), np.array([1, 0.5, 1], dtype=np.float32), (x for x in (1, 0.5, 1))]
)
def test_numbers_of_any_kind_are_taken(returned):
    assert scored(lambda **_: returned)[0].rewards == [1.0, 0.5, 1.0]


def test_torch_numbers_are_taken():
    import torch

    assert scored(lambda **_: torch.tensor([1.0, 0.5, 1.0]))[0].rewards == [1.0, 0.5, 1.0]


def test_a_function_gives_no_verdict_and_no_status():
    scores = scored(lambda **_: [1, 0, 1])[0]
    assert (scores.correct, scores.status, scores.verifier) == ([None] * 3, [None] * 3, "f.py:f")


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_fails_its_row_only(value):
    scores, error = scored(lambda **_: [1, value, 0])
    assert scores.rewards == [1.0, None, 0.0]
    assert scores.status == [None, "error", None]
    assert error == f"reward f.py:f: returned {value} for response 1 of a batch of 3"


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([1, 0], "returned 2 rewards for 3 responses"),
        ([1, 0, "1"], "TypeError: returned '1', expected a number or None"),
        ([1, 0, [1]], "TypeError: float"),
        (None, "TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_anything_else_fails_the_whole_call(returned, message):
    scores, error = scored(lambda **_: returned)
    assert scores.rewards == [None] * 3
    assert scores.status == ["error"] * 3
    assert error.startswith(f"reward f.py:f: {message}")


def test_an_exception_fails_the_whole_call_and_is_logged(caplog):
    scores, error = scored(lambda **_: 1 / 0)
    assert scores.rewards == [None] * 3
    assert error == "reward f.py:f: ZeroDivisionError: division by zero"
    assert error in caplog.text


def test_an_interrupt_passes_through():
    def function(**_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scored(function)


@pytest.mark.parametrize("ending", [SystemExit(0), SystemExit("bye"), GeneratorExit()])
def test_a_function_that_exits_has_failed(ending):
    def function(**_):
        raise ending

    scores, error = scored(function)
    assert scores.rewards == [None, None, None]
    assert type(ending).__name__ in error


# -- loading


@pytest.fixture
def source(tmp_path):
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_no_function_means_the_verifier():
    assert load_reward(None, "rl").name == VerifierReward("rl").name


def test_a_function_is_loaded_from_its_file(source):
    path = source("def length(prompts, responses, golds):\n    return [len(each) for each in responses]\n")
    reward = load_reward(f"{path}:length", "rl")
    assert (reward.name, reward(PROMPTS, ["", "a", "ab"]).rewards) == ("mine.py:length", [0.0, 1.0, 2.0])


def test_a_file_may_define_dataclasses(source):
    path = source(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Weights:\n    right: float = 1.0\n"
        "def f(prompts, responses, golds):\n    return [Weights().right for _ in responses]\n"
    )
    assert load_reward(f"{path}:f", "rl")(PROMPTS, RESPONSES).rewards == [1.0] * 3


@pytest.mark.parametrize("spec", ["mine.py", "mine.py:", "mine:f", "f", ""])
def test_a_function_has_to_be_named_with_its_file(spec):
    with pytest.raises(ConfigError, match=r"is not of the form file\.py:name"):
        load_reward(spec, "rl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.py is not a file; relative paths start at"):
        load_reward(f"{tmp_path}/none.py:f", "rl")


def test_a_missing_name_lists_what_is_there(source):
    path = source("def score(): ...\ndef other(): ...\ndef _private(): ...\n")
    with pytest.raises(ConfigError, match=r"f is not there in .*mine\.py; found other, score"):
        load_reward(f"{path}:f", "rl")


def test_a_name_that_is_no_function_is_refused(source):
    path = source("f = 3\n")
    with pytest.raises(ConfigError, match=r"f is not callable in .*; found no function"):
        load_reward(f"{path}:f", "rl")


@pytest.mark.parametrize(
    ("text", "message"),
    [("def f(:\n", "SyntaxError"), ("import not_a_module\n", "ModuleNotFoundError"), ("1 / 0\n", "ZeroDivisionError")],
)
def test_a_file_that_cannot_be_imported_says_why(source, text, message):
    path = source(text)
    with pytest.raises(ConfigError, match=rf"importing .*mine\.py failed with {message}"):
        load_reward(f"{path}:f", "rl")


def test_a_number_beyond_float32_fails_its_row(tmp_path):
    file = tmp_path / "huge.py"
    file.write_text("def reward(prompts, responses, golds):\n    return [1e300, 1.0]\n")
    reward = load_reward(f"{file}:reward", "rl")
    assert reward([prompt("2"), prompt("2")], ["a", "b"]).rewards == [None, 1.0]
