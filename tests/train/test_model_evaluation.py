"""Models evaluated after training: as their runs evaluate themselves, stored once, compared in pairs."""

import io
import json
import shutil

import polars as pl
import pytest

import twogrpo as tg
from tests.conftest import build_model_folder, write_rows
from tests.train.test_online import SMALL, train
from twogrpo.config.evaluation import EvalConfig
from twogrpo.evaluate import answers
from twogrpo.monitor import Console
from twogrpo.train import answer_store
from twogrpo.train.model_evaluation import evaluate_model

KEYS = ("eval.samples=2", "eval.max_new_tokens=8", "train.threads=1", "eval.resamples=200")


def evaluate(model, data=None, *keys, **named):
    return evaluate_model(model, data, keys, console=Console(is_quiet=True, stream=io.StringIO()), **named)


@pytest.fixture
def keys(parity_reward):
    return (*KEYS, f"reward.function={parity_reward}")


@pytest.fixture(scope="session")
def other_folder(tmp_path_factory):
    return build_model_folder(tmp_path_factory.mktemp("other"), "llama")


@pytest.fixture
def first(tmp_path, model_folder, problems, keys):
    """A finished evaluation of the model folder in `first`."""
    return evaluate(model_folder, problems, *keys, out=tmp_path / "first")


@pytest.fixture
def run(tmp_path, model_folder, problems, parity_reward):
    """A finished run that has evaluated itself."""
    named = [f"run_dir={tmp_path / 'run'}", f"model.path={model_folder}", f"data.path={problems}"]
    evaluation = [f"eval.data={problems}", "eval.samples=3", "eval.temperature=0.7", "eval.max_new_tokens=6"]
    rendering = ["data.suffix=+", "seed=4"]
    reward = f"reward.function={parity_reward}"
    return train(tg.OnlineConfig.load(None, [*named, reward, *SMALL, *evaluation, *rendering, "train.steps=2"]))


def rows(folder):
    return tg.RolloutStore.open(folder).scan().collect()


def test_every_answer_is_stored_once(first):
    stored = rows(first.model.path)
    assert len(stored) == 30 * 3
    assert set(stored["phase"]) == {"eval"}
    assert stored.select("group_id", "rollout_idx").is_unique().all()
    assert stored["response"].null_count() == 0


def test_the_scores_are_those_of_the_stored_answers(first):
    stored = rows(first.model.path)
    samples = stored.filter(pl.col("rollout_idx") < 2)
    scores = first.model.scorecard.scores
    assert scores["mean_at_2"].value == pytest.approx(samples["reward"].mean())
    assert scores["greedy"].value == pytest.approx(stored.filter(pl.col("rollout_idx") == 2)["reward"].mean())
    solved = samples.group_by("group_id").agg(pl.col("reward").max())["reward"]
    assert scores["pass_at_2"].value == pytest.approx(solved.mean())


def test_the_folder_holds_what_it_was_made_with_and_what_it_came_to(first):
    assert EvalConfig.load(first.model.path / "config.resolved.yaml") == first.model.config
    written = json.loads((first.model.path / "scores.json").read_text())
    assert written.items() >= json.loads(json.dumps(first.model.as_json())).items()


def test_a_stored_evaluation_is_used_again_without_sampling(first, monkeypatch):
    monkeypatch.setattr("twogrpo.train.model_evaluation.store_answers", None)
    again = evaluate(first.model.path)
    assert again.model.scorecard == first.model.scorecard


def test_other_k_are_computed_from_stored_answers(first):
    assert list(evaluate(first.model.path, None, "eval.k=2").model.scorecard.scores) == [
        "mean_at_2",
        "pass_at_2",
        "greedy",
    ]


def test_resuming_a_finished_evaluation_writes_what_it_prints(first, model_folder, problems, keys):
    again = evaluate(model_folder, problems, *keys, "eval.k=[2]", out=first.model.path, resume=True)
    kept = json.loads((first.model.path / "scores.json").read_text())
    assert {name: kept[name] for name in again.model.as_json()} == json.loads(json.dumps(again.model.as_json()))
    assert "k:\n  - 2\n" in (first.model.path / "config.resolved.yaml").read_text()


def test_a_model_against_itself_differs_by_exactly_nothing(tmp_path, model_folder, problems, keys):
    result = evaluate(model_folder, problems, *keys, out=tmp_path / "out", against=model_folder)
    assert {(each.value, each.low, each.high) for each in result.comparison.differences.values()} == {(0.0, 0.0, 0.0)}
    assert result.comparison.ties == 30
    assert len(rows(result.against.path)) == 30 * 3
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert written["ties"] == 30


def test_a_stored_opponent_gives_what_a_sampled_one_gives(tmp_path, first, other_folder, problems, keys):
    sampled = evaluate(other_folder, problems, *keys, out=tmp_path / "a", against=first.model.config.model.path)
    stored = evaluate(other_folder, problems, *keys, out=tmp_path / "b", against=first.model.path)
    assert stored.comparison == sampled.comparison
    assert not (tmp_path / "b" / "against").exists()
    assert evaluate(tmp_path / "a", against=first.model.path).comparison == sampled.comparison


def test_a_gain_is_the_difference_of_the_scores(tmp_path, first, other_folder, problems, keys):
    result = evaluate(other_folder, problems, *keys, out=tmp_path / "a", against=first.model.path)
    gain = result.comparison.differences["mean_at_2"].value
    values = (result.model.scorecard.scores["mean_at_2"].value, first.model.scorecard.scores["mean_at_2"].value)
    assert gain == pytest.approx(values[0] - values[1])


def test_a_run_is_evaluated_as_it_evaluates_itself(tmp_path, run):
    result = evaluate(run.path, out=tmp_path / "out")
    own = run.summary["evaluations"][-1]
    scores = result.model.scorecard.scores
    assert {name: round(scores[name].value, 6) for name in ("mean_at_3", "pass_at_3", "greedy")} == {
        name: value for name, value in own.items() if name != "step"
    }
    columns = ["group_id", "rollout_idx", "prompt_ids", "response_ids", "logprobs", "reward", "temperature", "seed"]
    inside = rows(run.path).filter((pl.col("phase") == "eval") & (pl.col("step") == 2))
    assert rows(tmp_path / "out").select(columns).sort(columns[:2]).equals(inside.select(columns).sort(columns[:2]))


def test_a_checkpoint_brings_its_run_s_settings(tmp_path, run):
    result = evaluate(run.checkpoint, out=tmp_path / "out")
    assert result.model.config.data.suffix == "+"
    stored = rows(tmp_path / "out")
    assert set(stored["model_id"]) == {"run/step-00000002"}
    assert set(stored["policy_version"]) == {2}


def test_keys_overrule_what_a_run_brings(tmp_path, run):
    result = evaluate(run.path, None, "eval.samples=2", "data.suffix=++", out=tmp_path / "out")
    assert (result.model.config.eval.samples, result.model.config.data.suffix, result.model.config.seed) == (2, "++", 4)


def test_an_opponent_is_asked_the_same_problems_in_its_own_prompts(tmp_path, run, model_folder, problems, keys):
    shown = evaluate(model_folder, problems, *keys, out=tmp_path / "out", against=run.path)
    own, other = shown.model.config, shown.against.config
    assert (own.data.suffix, other.data.suffix) == (None, "+")
    assert (own.seed, own.eval, own.reward) == (other.seed, other.eval, other.reward)


def test_unnamed_evaluations_count_up(tmp_path, model_folder, problems, keys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [evaluate(model_folder, problems, *keys).model.path.name for _ in range(2)]
    assert names == ["eval", "eval-2"]


def test_a_named_folder_is_replaced_by_force_alone(first, model_folder, problems, keys):
    (first.model.path / "against").mkdir()
    with pytest.raises(tg.ConfigError, match=r"already holds an evaluation; add --resume .* or --force"):
        evaluate(model_folder, problems, *keys, out=first.model.path)
    evaluate(model_folder, problems, *keys, "eval.samples=1", out=first.model.path, force=True)
    assert len(rows(first.model.path)) == 30 * 2
    assert not (first.model.path / "against").exists()


def test_a_refused_force_loses_nothing(first, problems, keys):
    with pytest.raises(tg.DataError):
        evaluate("./none", problems, *keys, out=first.model.path, force=True)
    assert len(rows(first.model.path)) == 30 * 3


@pytest.mark.parametrize("flag", ["resume", "force"])
def test_a_run_is_never_taken_for_an_evaluation(run, model_folder, problems, keys, flag):
    with pytest.raises(tg.ConfigError, match="holds a run, not an evaluation"):
        evaluate(model_folder, problems, *keys, out=run.path, **{flag: True})


def test_a_folder_of_other_files_is_refused(tmp_path, model_folder, problems, keys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(tg.ConfigError, match="holds other files and no evaluation"):
        evaluate(model_folder, problems, *keys, out=tmp_path / "mine")


def test_an_interrupted_evaluation_keeps_its_answers_and_goes_on(tmp_path, model_folder, problems, keys, monkeypatch):
    monkeypatch.setattr(answers, "_PROMPTS_PER_CALL", 12)
    whole = evaluate(model_folder, problems, *keys, out=tmp_path / "whole")
    figures, calls = answer_store._figures, []

    def interrupt_after_two(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return figures(*arguments)

    monkeypatch.setattr(answer_store, "_figures", interrupt_after_two)
    with pytest.raises(KeyboardInterrupt, match=r"the answers to 24 of 30 problems are stored, .* --out .* --resume"):
        evaluate(model_folder, problems, *keys, out=tmp_path / "part")
    assert len(rows(tmp_path / "part")) == 24 * 3
    assert not (tmp_path / "part" / "scores.json").exists()
    with pytest.raises(tg.DataError, match="not finished"):
        evaluate(tmp_path / "part")
    resumed = evaluate(model_folder, problems, *keys, out=tmp_path / "part", resume=True)
    assert len(calls) == 3
    assert resumed.model.scorecard == whole.model.scorecard


def test_resume_refuses_other_keys_and_other_problems(first, model_folder, problems, keys):
    (first.model.path / "scores.json").unlink()
    with pytest.raises(tg.ConfigError, match=r"cannot change eval\.samples=1 \(it has 2\)"):
        evaluate(model_folder, problems, *keys, "eval.samples=1", out=first.model.path, resume=True)
    write_rows(problems, [{"problem": "1+1", "answer": "2"}])
    with pytest.raises(tg.ConfigError, match="answers to other problems"):
        evaluate(model_folder, problems, *keys, out=first.model.path, resume=True)


def test_text_is_left_out_where_the_store_is_to_hold_none(tmp_path, model_folder, problems, keys):
    evaluate(model_folder, problems, *keys, "store.keep_text=false", out=tmp_path / "out")
    assert rows(tmp_path / "out")["response"].null_count() == 90


def test_without_greedy_answers_there_are_only_samples(tmp_path, model_folder, problems, keys):
    result = evaluate(model_folder, problems, *keys, "eval.greedy=false", out=tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 60
    assert list(result.model.scorecard.scores) == ["mean_at_2", "pass_at_1", "pass_at_2"]


def test_stored_evaluations_of_other_settings_are_named(tmp_path, first, model_folder, problems, keys):
    other = evaluate(model_folder, problems, *keys, "seed=1", "eval.temperature=0.5", out=tmp_path / "o").model.path
    with pytest.raises(tg.ConfigError, match=r"differ in seed \(0 and 1\), eval\.temperature \(1\.0 and 0\.5\)"):
        evaluate(first.model.path, against=other)


def test_stored_evaluations_of_other_problems_are_named(tmp_path, first, model_folder, keys):
    data = write_rows(tmp_path / "few.jsonl", [{"problem": "10+13", "answer": "23", "dataset": "problems"}])
    other = evaluate(model_folder, data, *keys, out=tmp_path / "other").model.path
    with pytest.raises(tg.ConfigError, match="they have 30 and 1 problems, 1 of them the same"):
        evaluate(first.model.path, against=other)


def test_a_stored_evaluation_cannot_be_made_another(first):
    with pytest.raises(tg.ConfigError, match=r"cannot change eval\.samples=4 \(it has 2\)"):
        evaluate(first.model.path, None, "eval.samples=4")


def test_nothing_is_written_where_nothing_is_sampled(tmp_path, first):
    with pytest.raises(tg.ConfigError, match="leave out --out"):
        evaluate(first.model.path, out=tmp_path / "out")


@pytest.mark.parametrize("flag", ["resume", "force"])
def test_stored_answers_are_not_written_over_by_those_compared_with_them(first, problems, keys, flag):
    with pytest.raises(tg.ConfigError, match=r"would write over the answers in .*first; name another folder"):
        evaluate(
            first.model.config.model.path,
            problems,
            *keys,
            out=first.model.path,
            against=first.model.path,
            **{flag: True},
        )
    assert len(rows(first.model.path)) == 30 * 3


def test_a_stored_opponent_inside_a_replaced_folder_is_kept(tmp_path, model_folder, other_folder, problems, keys):
    evaluate(model_folder, problems, *keys, out=tmp_path / "a", against=other_folder)
    inside = tmp_path / "a" / "against"
    with pytest.raises(tg.ConfigError, match="would write over"):
        evaluate(model_folder, problems, *keys, out=tmp_path / "a", against=inside, force=True)
    resumed = evaluate(model_folder, problems, *keys, out=tmp_path / "a", against=inside, resume=True)
    assert resumed.against.path == inside


def test_a_run_without_a_checkpoint_is_named(run):
    shutil.rmtree(run.path / "checkpoints")
    with pytest.raises(tg.DataError, match="a run without a checkpoint"):
        evaluate(run.path)


def test_a_missing_folder_is_not_looked_for_on_the_hub(tmp_path, problems):
    with pytest.raises(tg.DataError, match="no such folder"):
        evaluate(tmp_path / "none", problems)


def test_an_opponent_that_cannot_be_asked_is_refused_before_anything_is_sampled(tmp_path, first, problems, keys):
    (tmp_path / "empty").mkdir()
    with pytest.raises(tg.DataError, match=r"empty has no config\.json"):
        evaluate(first.model.config.model.path, problems, *keys, out=tmp_path / "out", against=tmp_path / "empty")
    assert not (tmp_path / "out").exists()


def test_problems_have_to_be_named(model_folder):
    with pytest.raises(tg.ConfigError, match=r"data\.path is missing; name a \.jsonl or \.parquet file"):
        evaluate(model_folder)


@pytest.mark.parametrize("words", [("tiny", "x.jsonl"), ("model", "tiny")])
def test_the_embedded_model_and_task_live_in_runs(tmp_path, monkeypatch, words):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(tg.ConfigError, match="made inside a run"):
        evaluate(*words)
