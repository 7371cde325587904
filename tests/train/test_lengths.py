import pytest

from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.errors import ConfigError, DataError
from twogrpo.prompts import Prompt
from twogrpo.train.lengths import answers_key, check_budget, check_positions, longest_prompt

PROMPTS = [Prompt(f"problem {n}", ("1",), "d", str(n), tuple(range(n))) for n in (3, 9, 5)]


def test_the_longest_prompt_counts():
    assert longest_prompt(PROMPTS) == 9


def test_a_budget_holds_the_longest_sequence_or_is_refused():
    check_budget(PROMPTS, max_new_tokens=10, token_budget=19)
    with pytest.raises(ConfigError, match=r"train\.token_budget=18 .* together 19; raise it to that"):
        check_budget(PROMPTS, max_new_tokens=10, token_budget=18)


def positions(count, **changes):
    check_positions(
        PROMPTS, path="p.jsonl", key="rollout.max_new_tokens", max_new_tokens=10, positions=count, **changes
    )


def test_a_sequence_that_just_fits_is_taken():
    positions(19)
    positions(None)


def test_prompts_that_leave_too_little_room_are_refused_with_the_longest_one():
    with pytest.raises(DataError) as error:
        positions(14)
    message = str(error.value)
    assert "p.jsonl: 2 of 3 prompts do not fit beside rollout.max_new_tokens=10" in message
    assert "'problem 9'; lower rollout.max_new_tokens to 5" in message


def test_the_key_of_an_answer_s_length_is_the_one_that_was_set():
    online = ["model.path=m", "data.path=d"]
    assert answers_key(OnlineConfig.load(None, online)) == "rollout.max_new_tokens"
    assert answers_key(OnlineConfig.load(None, [*online, "eval.max_new_tokens=9"])) == "eval.max_new_tokens"
    assert answers_key(DpoConfig.load(None, ["model.path=m"])) == "eval.max_new_tokens"
