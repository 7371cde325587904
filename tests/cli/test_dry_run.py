"""`--dry-run` and `--resume` with changed keys as a user runs them; what they find is tested in tests/preflight."""

import json

import pytest

from tests.program import assert_one_line, run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, model_folder):
    """The words of an online command and the folder of the run that it made."""
    from tests.conftest import PARITY_REWARD, write_rows

    folder = tmp_path_factory.mktemp("dry")
    (folder / "r.py").write_text(PARITY_REWARD)
    write_rows(folder / "p.jsonl", [{"problem": f"{a}+{a}", "answer": 2 * a} for a in range(10, 40)])
    words = [
        "online",
        f"model.path={model_folder}",
        f"data.path={folder / 'p.jsonl'}",
        f"reward.function={folder / 'r.py'}:parity",
        f"run_dir={folder / 'run'}",
        "rollout.prompts_per_step=10",
        "rollout.max_new_tokens=8",
        "train.threads=1",
    ]
    result = run(*words, "train.steps=2")
    assert result.returncode == 0, result.stderr
    return words, folder / "run"


def test_the_embedded_default_is_looked_at_and_nothing_is_written(tmp_path):
    result = run("online", "seed=3", "--dry-run", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "twogrpo online: dry run, nothing is written"
    assert lines[-1] == "ready to start, 0 warnings"
    assert max(map(len, lines)) <= 80
    assert ["seed", "3", "command", "line"] in [line.split() for line in lines]
    assert list(tmp_path.iterdir()) == []


def test_problems_stand_in_the_report_and_the_first_decides_on_the_exit_code(tmp_path):
    words = ("online", "model.path=./none", "data.path=none.jsonl", "--dry-run")
    result = run(*words, cwd=tmp_path)
    assert_one_line(result, 3, "model.path=./none: no such folder", "and 1 more problem, listed in the report")
    assert "  x data: none.jsonl is not a file" in result.stdout
    report = json.loads(run(*words, "--json", cwd=tmp_path).stdout)
    assert [problem["exit_code"] for problem in report["problems"]] == [3, 3]


def test_dpo_is_looked_at(trained, tmp_path):
    _, folder = trained
    result = run("dpo", folder, "train.rollouts_per_update=4", "--dry-run", "-v", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"run {folder}" in result.stdout
    assert "pairs.strategy=one_random" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_prints_what_is_changed(trained):
    words, folder = trained
    result = run(*words, "train.steps=3", "eval.samples=2", "--resume", "-q")
    assert result.returncode == 0, result.stderr
    lines = result.stderr.splitlines()
    place = lines.index(f"resuming {folder} after step 2 with")
    assert lines[place + 1 : place + 3] == ["  train.steps   2 -> 3", "  eval.samples  8 -> 2"]


def test_a_resumed_run_refuses_other_keys_by_name(trained):
    words, _ = trained
    assert_one_line(run(*words, "seed=4", "--resume"), 2, "--resume cannot change seed=4 (the run has 0)")
