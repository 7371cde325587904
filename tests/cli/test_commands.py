"""The program as a user runs it: in a process of its own, by its exit code, stdout and stderr."""

import json
import subprocess
import sys

import pytest

from tests.program import assert_one_line, run

COMMANDS = ("online", "dpo", "eval", "verify", "lint", "pairs", "store", "config", "demo", "doctor")


def run_fresh(*arguments):
    """Return what the program comes to in a fresh interpreter."""
    command = [sys.executable, "-m", "twogrpo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_names_every_command():
    result = run_fresh("--help")
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


def test_doctor_names_versions_and_the_core_s_build():
    facts = json.loads(run_fresh("doctor", "--json").stdout)
    assert facts["core"] == "release build"
    assert facts["[train]"]["torch"][0].isdigit()


def test_doctor_names_what_the_distributed_engine_lacks():
    facts = json.loads(run_fresh("doctor", "--json").stdout)["[openrlhf]"]
    assert facts["vllm"] == "missing: expected 0.29.0"
    assert "pip install --no-deps openrlhf==0.11.2" in facts["to install"]


def test_a_pipe_closed_early_is_no_error():
    command = f"{sys.executable} -m twogrpo config schema | head -c 10"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""
