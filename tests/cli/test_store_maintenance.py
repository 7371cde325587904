"""`twogrpo store`: compact, prune, purge and reverify."""

import json

import polars as pl
import pytest

from tests.judged_store import RIGHT, WRONG, judged_rows, store_of, wrongly
from tests.program import assert_one_line, run
from twogrpo import RolloutStore


@pytest.fixture
def stored(tmp_path):
    changed = wrongly(judged_rows(2, [(RIGHT, WRONG)]), WRONG, correct=True)
    store_of(tmp_path / "run" / "rollouts", *(judged_rows(step, [(RIGHT, WRONG)]) for step in range(2)), changed)
    with RolloutStore.open(tmp_path / "run", run_id="r", resume_step=1) as store:
        store.append(changed, 2)
    return tmp_path / "run"


def test_a_store_is_compacted(stored, tmp_path):
    result = run("store", "compact", stored, "--to", tmp_path / "copy")
    first, left_out = result.stdout.splitlines()
    assert "3 segments are now 2, 6 rollouts" in first
    assert left_out == "left out: 2 superseded rollouts in 1 segments"
    assert run("store", "check", tmp_path / "copy", "--deep").returncode == 0
    assert json.loads(run("store", "compact", stored, "--to", tmp_path / "json", "--json").stdout)["rows"] == 6


def test_verdicts_that_were_kept_are_copied(stored, tmp_path):
    run("store", "reverify", stored, "--write")
    assert "copied with them: 6 verdicts" in run("store", "compact", stored, "--to", tmp_path / "copy").stdout


def test_segments_are_pruned(stored):
    would = run("store", "prune", stored, "--steps-before", 2, "--superseded", "--dry-run").stdout
    assert would.startswith("dry run, nothing was changed; it would be: 3 files removed, 0 rewritten, 6 rollouts gone")
    assert RolloutStore.open(stored).info().steps == 3
    done = run("store", "prune", stored, "--steps-before", 2, "--superseded").stdout
    assert done.startswith("3 files removed, 0 rewritten, 6 rollouts gone")
    assert run("store", "check", stored, "--deep").returncode == 0


def test_columns_are_pruned(stored):
    record = json.loads(run("store", "prune", stored, "--columns", "logprobs, response_ids", "--json").stdout)
    assert (record["rewritten"], record["rows"], len(record["files"])) == (3, 0, 3)
    assert RolloutStore.open(stored).scan().select(pl.col("logprobs", "response_ids").count()).collect().row(0) == (
        0,
        0,
    )


def test_a_prompt_is_purged(stored):
    (prompt,) = RolloutStore.open(stored).scan().select("prompt_id").unique().collect()["prompt_id"]
    lines = run("store", "purge", stored, "--prompt-id", prompt, "--prompt-id", "0").stdout.splitlines()
    assert lines[0].startswith("4 files removed, 0 rewritten, 8 rollouts gone")
    assert lines[-1].startswith("not reached: checkpoints")
    assert run("store", "check", stored, "--deep").stdout.startswith("ok: 0 segments")


def test_verdicts_are_judged_again(stored, tmp_path):
    changes = tmp_path / "changes.csv"
    result = run("store", "reverify", stored, "--write", "--out", changes)
    lines = result.stdout.splitlines()
    assert lines[1] == "1 verdicts change, 1 rewards with them"
    assert lines[2] == "of 2 pairs 0 change sides, 0 become ties, 0 lose a reward; 1 are new"
    assert "match by old  mismatch by number         1        1" in lines
    assert lines[-1].startswith("verdicts kept: ")
    assert pl.read_csv(changes)["new_status"].to_list() == ["mismatch"]


def test_what_is_judged_again_is_there_as_json(stored):
    record = json.loads(run("store", "reverify", stored, "--json").stdout)
    assert (record["judged"], record["pairs"]["decided"], record["examples"][0]["step"]) == (6, 1, 2)


def test_cut_responses_earn_what_the_run_gave_them(stored):
    rows = wrongly(judged_rows(3, [(RIGHT, WRONG)]), RIGHT, correct=False).with_columns(finish_reason=pl.lit("length"))
    with RolloutStore.open(stored, run_id="r") as store:
        store.append(rows, 3)
    (stored / "config.resolved.yaml").write_text("reward:\n  cut_response: zero\n")
    assert json.loads(run("store", "reverify", stored, "--json").stdout)["rewards"] == 1


def test_an_existing_file_is_not_replaced(stored, tmp_path):
    (tmp_path / "changes.csv").touch()
    assert_one_line(run("store", "reverify", stored, "--out", tmp_path / "changes.csv"), 2, "add --force")


def test_a_prompt_that_is_nowhere_is_said(stored):
    lines = run("store", "purge", stored, "--prompt-id", "none").stdout.splitlines()
    assert lines[0].startswith(f"{stored} holds no rollout of prompt id none; ")
