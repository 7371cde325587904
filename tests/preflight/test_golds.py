import pytest

from tests.conftest import write_rows
from twogrpo.config import OnlineConfig
from twogrpo.config.sampling import RewardSection
from twogrpo.errors import DataError
from twogrpo.preflight.golds import function_section, golds_section, lint_problems, try_function
from twogrpo.preflight.problem_sets import load_problems
from twogrpo.rewards import load_reward
from twogrpo.tiny.tokenizer import build_tokenizer

# Not understood by the profile `rl`.
ODD = "x,,;("


def problems(tmp_path, *golds):
    rows = [{"problem": f"{n}+1", "answer": gold} for n, gold in enumerate(golds)]
    file = write_rows(tmp_path / "p.jsonl", rows)
    config = OnlineConfig.load(None, ["model.path=m", "data.path=d"])
    return load_problems(str(file), config, build_tokenizer(), "train")


def section(found, **reward):
    return golds_section(found, lint_problems(found, "rl"), RewardSection(**reward))


def test_good_golds_are_no_news(tmp_path):
    found = section(problems(tmp_path, "1", "2"))
    assert [fact.value for fact in found.facts] == ["rl", 0, 0, 0]
    assert found.warnings == ()


def test_an_unusable_gold_is_named_by_its_place(tmp_path):
    found = section(problems(tmp_path, "1", ODD), max_failed_share=1)
    unparsable = next(fact for fact in found.facts if fact.name == "unparsable")
    assert unparsable.value == 1
    assert "p.jsonl, line 2: 'x,,;('" in unparsable.text


@pytest.mark.parametrize(("share", "said"), [(0.4, "training will stop"), (0.6, "teach nothing")])
def test_golds_that_will_stop_the_run_are_said(tmp_path, share, said):
    found = section(problems(tmp_path, "1", ODD), max_failed_share=share)
    assert any(said in warning for warning in found.warnings)


def test_a_gold_that_is_not_its_own_answer_is_warned_of(tmp_path):
    found = section(problems(tmp_path, "1", "2", " "))
    assert "do not verify as themselves: 1 of 3 rows" in found.warnings[0]


def test_golds_of_which_none_can_be_judged_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none of the 2 golds in answer can be judged under reward\.profile=rl"):
        lint_problems(problems(tmp_path, ODD, ODD), "rl")


def tried(tmp_path, body):
    (tmp_path / "r.py").write_text(f"def reward(prompts, responses, golds):\n    {body}\n")
    return try_function(load_reward(f"{tmp_path / 'r.py'}:reward", "rl"), problems(tmp_path, "7"))


def test_a_function_is_called_with_the_gold_and_with_nothing(tmp_path):
    trial = tried(tmp_path, "return [float('7' in response) for response in responses]")
    assert (trial.right, trial.empty, trial.error) == (1, 0, None)
    assert function_section("r", trial).warnings == ()


def test_a_function_that_always_raises_is_refused_without_a_log_line(tmp_path, caplog):
    with pytest.raises(DataError, match=r"KeyError: 'x'; it was called with the problem of .*line 1"):
        tried(tmp_path, "return {}['x']")
    assert caplog.records == []


def test_a_function_that_fails_on_one_of_the_two_is_warned_of(tmp_path):
    trial = tried(tmp_path, "return [1.0 if response else None for response in responses]")
    assert (trial.right, trial.empty) == (1, None)
    assert "returned None" in function_section("r", trial).warnings[0]


def test_a_function_that_rewards_nothing_like_the_gold_is_warned_of(tmp_path):
    found = function_section("r", tried(tmp_path, "return [0.5 for _ in responses]"))
    assert found.warnings == ("the function gives a right and an empty response the same reward",)
