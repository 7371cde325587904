r"""The reward for TRL, called as its trainers call it, and by its trainer where `trl` is installed."""

import math
import pickle

import pytest

from twogrpo.errors import ConfigError, DataError, VerifyError
from twogrpo.reward_functions.trl import AccuracyReward, accuracy_reward

UNREADABLE = r"\oint f"
COMPLETIONS = [r"so \boxed{\frac12}", r"\boxed{3}", "no idea", r"\boxed{1}"]
SOLUTIONS = ["0.5", "4", "5", UNREADABLE]
REWARDS = [1.0, 0.0, 0.0, None]


def said(text, role="assistant"):
    return {"role": role, "content": text}


def called(reward, completions, **columns):
    """Call a reward as `GRPOTrainer` does, with all that it hands over."""
    rows = len(completions)
    return reward(
        prompts=["?"] * rows,
        completions=completions,
        completion_ids=[[1]] * rows,
        trainer_state=object(),
        log_metric=lambda *_: None,
        **columns,
    )


def test_right_wrong_and_unreadable_golds():
    assert called(accuracy_reward, COMPLETIONS, solution=SOLUTIONS) == REWARDS


def test_as_the_function_of_trl_by_position():
    assert accuracy_reward(COMPLETIONS, SOLUTIONS) == REWARDS


def test_of_a_conversation_the_last_message_of_the_assistant_is_judged():
    completions = [
        [said(r"\boxed{2}")],
        [said(r"\boxed{1}"), said("tool", role="tool"), said(r"\boxed{2}")],
        [said(r"\boxed{1}"), said(r"\boxed{2}", role="tool")],
        [said(r"\boxed{2}", role="user")],
        [{"role": "assistant", "content": None, "tool_calls": []}],
        [{"content": r"\boxed{2}"}],
        [said([{"type": "text", "text": r"\boxed"}, {"type": "text", "text": "{2}"}])],
        [],
    ]
    assert accuracy_reward(completions, ["2"] * 8) == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0]


def test_a_solution_may_be_worked_out():
    assert accuracy_reward([r"\boxed{5}"], [r"We add them, so it is \boxed{5}."]) == [1.0]


@pytest.mark.parametrize("solution", [5, 5.0, "5", ["4", "5"], ["5", None]])
def test_a_solution_of_any_kind(solution):
    assert accuracy_reward([r"\boxed{5}"], [solution]) == [1.0]


def test_a_row_without_a_solution_has_no_reward():
    assert accuracy_reward([r"\boxed{5}", r"\boxed{5}"], [None, "5"]) == [None, 1.0]


def test_another_column_and_profile():
    reward = AccuracyReward("answer", profile="eval")
    assert called(reward, ["The answer is 7."], answer=["7"], solution=["8"]) == [1.0]
    assert called(accuracy_reward, ["The answer is 7."], solution=["7"]) == [0.0]


def test_a_missing_column_is_named_beside_those_found():
    with pytest.raises(ConfigError, match=r"no column answer; found prompts, completion_ids, solution; .*gold_column"):
        called(AccuracyReward("answer"), ["1"], solution=["1"])


def test_an_unusable_gold_is_named_by_its_row():
    with pytest.raises(DataError, match="row 1 of solution"):
        accuracy_reward(["1", "2"], ["1", {"answer": "2"}])


@pytest.mark.parametrize("option", [{"profile": "lenient"}, {"mode": "essay"}])
def test_an_unknown_name_is_an_error_before_training(option):
    with pytest.raises(VerifyError, match=r"lenient|essay"):
        AccuracyReward(**option)


def test_answers_and_statuses_are_logged():
    logged = {}
    called(accuracy_reward, COMPLETIONS, solution=SOLUTIONS, log_extra=logged.__setitem__)
    assert logged == {
        "extracted": [r"\frac12", "3", "", "1"],
        "status": ["match", "mismatch", "no_answer", "unparsable_gold"],
    }


def test_it_is_pickled_for_rollout_workers():
    reward = pickle.loads(pickle.dumps(AccuracyReward("answer", profile="eval")))
    assert called(reward, ["The answer is 7."], answer=["7"]) == [1.0]
    assert pickle.loads(pickle.dumps(accuracy_reward)) is accuracy_reward


# TRL and what it imports warn about their own future.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("reward", "column"), [(accuracy_reward, "solution"), (AccuracyReward("answer", profile="eval"), "answer")]
)
def test_trl_s_own_trainer_takes_a_step(model_folder, tmp_path, monkeypatch, reward, column):
    trl = pytest.importorskip("trl", reason="a step of TRL's trainer needs `pip install trl`")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.chdir(tmp_path)
    # Whatever the model writes, the second problem has no gold answer and therefore no reward.
    problems = Dataset.from_dict({"prompt": ["1+1=", "2+2="], column: ["2", None]})
    trainer = trl.GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model_folder),
        reward_funcs=reward,
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=1,
            num_generations=2,
            per_device_train_batch_size=4,
            max_completion_length=4,
            logging_steps=1,
            use_cpu=True,
            bf16=False,
            report_to="none",
            save_strategy="no",
        ),
        train_dataset=problems,
        processing_class=AutoTokenizer.from_pretrained(model_folder),
    )
    trainer.train()
    (logged,) = [entry for entry in trainer.state.log_history if "rewards/accuracy_reward/mean" in entry]
    assert logged["rewards/accuracy_reward/mean"] == 0.0
    statuses = list(trainer._logs["extra"]["status"])
    rewards = list(trainer._logs["rewards"]["accuracy_reward"])
    assert statuses.count("unparsable_gold") == 2
    assert [math.isnan(reward) for reward in rewards] == [status == "unparsable_gold" for status in statuses]
