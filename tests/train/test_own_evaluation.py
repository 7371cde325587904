"""A run that is extended keeps the evaluation of the checkpoint it goes on from."""

import json

import polars as pl
import pytest

import twogrpo as tg
from tests.train.test_online import SMALL, train


@pytest.fixture
def settings(tmp_path, model_folder, problems, parity_reward):
    def make(*overrides, run="run"):
        named = [f"run_dir={tmp_path / run}", f"model.path={model_folder}", f"data.path={problems}"]
        keys = [f"reward.function={parity_reward}", *SMALL, f"eval.data={problems}", "eval.samples=2"]
        return tg.OnlineConfig.load(None, [*named, *keys, *overrides])

    return make


def evaluations(run):
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row for row in rows if row["kind"] == "eval"}


def stored(run, **named):
    rows = tg.RolloutStore.open(run.path).scan(**named).filter(pl.col("phase") == "eval")
    return rows.select("step", "attempt").unique().sort("step").collect().rows()


def test_an_extended_run_keeps_its_last_evaluation(settings):
    before = evaluations(train(settings("train.steps=2")))
    longer = train(settings("train.steps=3"), resume=True)
    after = evaluations(longer)
    assert list(after) == [0, 2, 3]
    assert after[2] == before[2]
    assert [row["step"] for row in longer.summary["evaluations"]] == [0, 2, 3]
    assert stored(longer) == [(0, 1), (2, 1), (3, 2)]
    assert tg.RolloutStore.open(longer.path).info().superseded_rows == 0


def test_a_finished_run_resumed_as_it_is_evaluates_nothing_again(settings):
    first = train(settings("train.steps=2"))
    lines = (first.path / "metrics.jsonl").read_text()
    again = train(settings("train.steps=2"), resume=True)
    assert (again.path / "metrics.jsonl").read_text() == lines
    assert stored(again) == [(0, 1), (2, 1)]


def test_an_evaluation_that_eval_no_longer_describes_is_made_again(settings):
    train(settings("train.steps=2"))
    longer = train(settings("train.steps=3", "eval.samples=3"), resume=True)
    assert {step: "mean_at_3" in row for step, row in evaluations(longer).items()} == {0: False, 2: True, 3: True}
    assert stored(longer) == [(0, 1), (2, 2), (3, 2)]


def test_what_was_trained_after_the_checkpoint_still_goes(settings):
    run = train(settings("train.steps=3", "checkpoint.keep=3", "checkpoint.every_steps=1", "eval.every_steps=1"))
    for step in (2, 3):
        folder = run.path / "checkpoints" / f"step-{step:08d}"
        (folder / "trainer_state.json").unlink()
    resumed = train(
        settings("train.steps=3", "checkpoint.keep=3", "checkpoint.every_steps=1", "eval.every_steps=1"), resume=True
    )
    assert stored(resumed) == [(0, 1), (1, 1), (2, 2), (3, 2)]
    rows = tg.RolloutStore.open(run.path).scan().filter(pl.col("phase") == "train")
    assert rows.select("step", "attempt").unique().sort("step").collect().rows() == [(0, 1), (1, 2), (2, 2)]


def test_evaluation_answers_are_kept_without_their_text(settings):
    run = train(settings("train.steps=1", "store.keep_text=false"))
    rows = tg.RolloutStore.open(run.path).scan().collect()
    assert rows["response"].null_count() == len(rows)
    assert rows["response_ids"].null_count() == 0
