"""Dry runs where everything is installed: they find nothing wrong, and their command lines are ones OpenRLHF takes."""

from pathlib import Path

import pytest

from scripts.openrlhf_flags import parser_of
from twogrpo import OnlineConfig
from twogrpo.openrlhf.flags import COMMAND
from twogrpo.preflight import preflight_online


@pytest.fixture
def report(tmp_path, tiny_model, problems, monkeypatch):
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    # The stub of flash-attn.
    monkeypatch.syspath_prepend(Path(__file__).parent / "cpu")
    keys = [f"run_dir={tmp_path / 'run'}", f"model.path={tiny_model}", f"data.path={problems}", f"eval.data={problems}"]
    sizes = ["rollout.prompts_per_step=8", "rollout.max_new_tokens=8", "train.steps=20", "model.dtype=bfloat16"]
    return preflight_online(OnlineConfig.load(None, [*keys, *sizes, "engine=openrlhf"]))


def test_a_run_that_can_start_has_no_problem(report):
    assert report.problems == ()
    assert report.as_json()["sections"]["packages"]["vllm"] == {"found": "0.29.0", "expected": "0.29.0", "fits": True}


def test_openrlhf_takes_the_command_line_that_is_shown(report):
    parsed = vars(parser_of(COMMAND).parse_args(report.as_json()["sections"]["command"]["flags"]))
    assert parsed["train.batch_size"] == 16
    assert parsed["eval.steps"] == 20
