"""The program as a user runs it: in a process of its own, by its exit code, stdout and stderr."""

import json
import subprocess
import sys

import pytest
from omegaconf import OmegaConf
from tests.conftest import write_rows

COMMANDS = ("online", "dpo", "verify", "pairs", "store", "config", "demo", "doctor")


def run(*arguments, cwd=None, stdin=None):
    command = [sys.executable, "-m", "twogrpo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, input=stdin)


def assert_one_line(result, code, *parts):
    assert result.returncode == code, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("twogrpo: ")
    assert all(part in result.stderr for part in parts), result.stderr


def test_help_names_every_command():
    result = run("--help")
    assert result.returncode == 0
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = run(command, "--help")
    assert result.returncode == 0
    assert "Usage: twogrpo" in result.stdout.replace("python -m ", "")


@pytest.mark.parametrize("words", [(), ("store",), ("config",)])
def test_no_command_prints_the_commands(words):
    result = run(*words)
    assert result.returncode == 2
    assert "Commands:" in result.stderr


def test_dry_run_prints_a_configuration_that_loads_and_writes_nothing(tmp_path):
    result = run("online", "seed=3", "--dry-run", cwd=tmp_path)
    assert result.returncode == 0
    assert OmegaConf.create(result.stdout).seed == 3
    assert list(tmp_path.iterdir()) == []


def test_keys_without_a_file_are_laid_over_the_embedded_default():
    config = OmegaConf.create(run("online", "seed=3", "--dry-run").stdout)
    assert (config.model.path, config.train.learning_rate) == ("tiny", 4e-4)


def test_a_named_model_does_not_take_the_embedded_learning_rate():
    config = OmegaConf.create(run("online", "model.path=m", "data.path=d", "--dry-run").stdout)
    assert (config.train.learning_rate, config.rollout.max_new_tokens) == (8e-6, 1024)


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (("online", "rollout.group_sze=2"), 2, ("unknown key rollout.group_sze", "rollout.group_size")),
        (("online", "num_generations=2"), 2, ("in twogrpo this is rollout.group_size",)),
        (("online", "none.yaml"), 2, ("none.yaml: no such configuration file",)),
        (("online", "configs.yaml", "fast"), 2, ("`fast` is neither",)),
        (("online", "--fast"), 2, ("--fast",)),
        (("online", "model.path=./none", "data.path=d"), 3, ("model.path=./none: no such folder",)),
        (("online", "model.device=warp"), 2, ("model.device=warp is no device",)),
        (("dpo", "nowhere"), 3, ("nowhere is not a run folder",)),
        (("pairs", "nowhere"), 4, ("nowhere",)),
        (("store", "info", "nowhere"), 4, ("nowhere",)),
        (("verify", "1"), 2, ("--gold is missing",)),
        (("verify", "none.jsonl", "--out", "x"), 3, ("none.jsonl: No such file",)),
        (("nonsense",), 2, ("nonsense",)),
    ],
)
def test_a_wrong_input_is_one_line_with_an_exit_code(tmp_path, arguments, code, parts):
    assert_one_line(run(*arguments, cwd=tmp_path), code, *parts)
    assert list(tmp_path.iterdir()) == [] or (tmp_path / "runs").exists()


def test_traceback_shows_where_an_error_comes_from():
    result = run("online", "num_generations=2", "--traceback")
    assert result.returncode == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("twogrpo: ")


def test_config_show_loads_back(tmp_path):
    shown = run("config", "show")
    assert "# int. Rollouts a prompt" in shown.stdout
    file = tmp_path / "c.yaml"
    file.write_text(shown.stdout)
    again = run("online", file, "--dry-run")
    assert OmegaConf.create(again.stdout) == OmegaConf.create(run("online", "--dry-run").stdout)


def test_config_schema_describes_every_section():
    schema = json.loads(run("config", "schema").stdout)
    assert {"model", "rollout", "objective", "train"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_verify_one_answer():
    assert run("verify", r"so \boxed{\frac12}", "--gold", "0.5").stdout == "correct: match\n"
    assert run("verify", r"so \boxed{3}", "--gold", "0.5").stdout == "not correct: mismatch\n"


def test_verify_explains():
    shown = run("verify", r"\boxed{47+86}", "--gold", "133", "--explain").stdout
    assert "unevaluated" in shown
    assert "47+86" in shown


def test_verify_json():
    verdict = json.loads(run("verify", "0.50", "--bare", "--gold", "1/2", "--json").stdout)
    assert (verdict["correct"], verdict["status"], verdict["reward"]) == (True, "match", 1.0)


def test_verify_a_file_in_order(tmp_path):
    rows = [
        {"id": "a", "gold": "133", "response": r"\boxed{133}"},
        {"id": "b", "gold": ["2", "7"], "pred": "7"},
        {"id": "c", "gold": "1", "response": "no box"},
    ]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    result = run("verify", file, "--out", tmp_path / "verdicts.jsonl")
    verdicts = [json.loads(line) for line in (tmp_path / "verdicts.jsonl").read_text().splitlines()]
    assert [(row["id"], row["correct"], row["status"]) for row in verdicts] == [
        ("a", True, "match"),
        ("b", True, "match"),
        ("c", False, "no_answer"),
    ]
    assert "2 of 3 correct" in result.stderr


def test_verify_a_stream():
    result = run("verify", "-", "--out", "-", stdin='{"id": 1, "gold": 4, "pred": "4"}\n')
    assert json.loads(result.stdout)["correct"] is True


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b'{"id": 1, "gold": "1", "pred": "1"}\nnot json\n', ("rows.jsonl:2", "not a row of JSON")),
        (b'{"id": 1, "pred": "1"}\n', ("rows.jsonl:1", "no gold", "id, pred")),
        (b'{"id": 1, "gold": "1"}\n', ("rows.jsonl:1", "no response or pred")),
        (b'{"gold": "\xff"}\n', ("rows.jsonl:1", "UTF-8")),
        (b"[1]\n", ("rows.jsonl:1", "found a list")),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, content, parts):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    assert_one_line(run("verify", file, "--out", tmp_path / "out.jsonl"), 3, *parts)
    assert not (tmp_path / "out.jsonl").exists()


def test_doctor_names_versions_and_the_core_s_build():
    facts = json.loads(run("doctor", "--json").stdout)
    assert facts["core"] == "release build"
    assert facts["[train]"]["torch"][0].isdigit()


def test_a_pipe_closed_early_is_no_error():
    command = f"{sys.executable} -m twogrpo config schema | head -c 10"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""
