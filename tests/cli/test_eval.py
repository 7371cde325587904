"""`twogrpo eval` as a user runs it."""

import json
import signal
import time

import pytest

from tests.conftest import write_rows
from tests.program import Program, assert_one_line, run
from twogrpo.cli.eval import split_words
from twogrpo.errors import ConfigError

KEYS = ("eval.samples=2", "eval.max_new_tokens=8", "train.threads=1")


@pytest.fixture
def command(model_folder, problems, parity_reward):
    def make(*extra, keys=KEYS):
        return ("eval", model_folder, problems, f"reward.function={parity_reward}", *keys, *extra)

    return make


def test_scores_are_printed_in_eighty_columns(tmp_path, command):
    result = run(*command("--out", "out"), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if " to " in line] == ["mean@2", "pass@1", "pass@2", "greedy"]
    assert lines[-1] == "  answers in out"
    assert max(map(len, lines[1:])) <= 80
    assert "eval 30/30" in result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"config.resolved.yaml", "rollouts", "scores.json"}


def test_two_models_are_compared_as_json(tmp_path, model_folder, command):
    result = run(*command("--against", model_folder, "--json", "--quiet"), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    shown = json.loads(result.stdout)
    assert shown["comparison"]["differences"]["mean_at_2"] == {"value": 0, "low": 0, "high": 0, "contains_zero": True}
    assert (shown["folder"], shown["against"]["folder"]) == ("runs/eval", "runs/eval/against")
    stored = run("eval", "runs/eval", "--against", "runs/eval/against", cwd=tmp_path)
    assert "equal on 30; p = 1.0000" in stored.stdout
    assert "contains 0: not told apart" in stored.stdout


def test_data_sets_have_lines_of_their_own(tmp_path, model_folder, parity_reward):
    rows = [
        {"problem": f"{a}+1", "answer": str(a + 1), "dataset": name} for a in range(10, 13) for name in ("x", "y" * 40)
    ]
    data = write_rows(tmp_path / "two.jsonl", rows)
    result = run("eval", model_folder, data, f"reward.function={parity_reward}", *KEYS, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    shown = result.stdout.splitlines()
    heading = next(place for place, line in enumerate(shown) if line.startswith("  by data set"))
    assert [line.split()[:2] for line in shown[heading + 1 : heading + 3]] == [["x", "3"], ["y" * 16 + "...", "3"]]


def test_config_show_for_eval_loads_back(tmp_path, command):
    file = tmp_path / "eval.yaml"
    file.write_text(run("config", "show", "--for", "eval").stdout)
    result = run(*command("--json"), file, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["samples"] == 2


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (("p.jsonl", "eval.samples=0"), 2, ("eval.samples=0", "greater than or equal to 1")),
        (("p.jsonl", "data.gold_column=gold"), 2, ("has no column gold", "data.gold_column")),
        (("empty.jsonl",), 3, ("empty.jsonl has no rows",)),
        (("p.jsonl", "--out", "mine"), 2, ("--out mine holds other files",)),
        (("p.jsonl", "--against", "./none"), 3, ("./none: no such folder",)),
    ],
)
def test_a_wrong_input_is_one_line_and_leaves_nothing(tmp_path, model_folder, words, code, parts):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "empty.jsonl").touch()
    write_rows(tmp_path / "p.jsonl", [{"problem": "1+1", "answer": "2"}])
    assert_one_line(run("eval", model_folder, *words, cwd=tmp_path), code, *parts)
    assert not (tmp_path / "runs").exists()


def test_words_are_told_apart_by_their_endings():
    assert split_words(["d.parquet", "c.yaml", "seed=1"]) == ("d.parquet", "c.yaml", ["seed=1"])
    assert split_words(None) == (None, None, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.csv"], "`a.csv` is not the one file of problems"),
        (["a.jsonl", "b.jsonl"], "`b.jsonl` is not the one file of problems"),
        (["model.path=m"], "model.path is MODEL"),
    ],
)
def test_words_that_fit_nowhere_are_named(words, message):
    with pytest.raises(ConfigError, match=message):
        split_words(words)


def test_ctrl_c_keeps_what_was_answered(tmp_path, command):
    # One problem a call, so that the interrupt falls between the first and the last.
    words = command("--out", tmp_path / "out", keys=("eval.samples=600", "eval.max_new_tokens=64", "train.threads=1"))
    process = Program(tmp_path, words, log=tmp_path)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("rollouts/run=*/*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send(signal.SIGINT)
    outcome = process.wait()
    assert outcome.code == 130, outcome.stderr
    assert "of 30 problems are stored, go on with --out" in outcome.line
    assert run("store", "check", tmp_path / "out", "--deep").stdout.startswith("ok")
