"""The scripts for clusters: bash reads them, and the configurations and keys that they name load."""

import re
import subprocess
from pathlib import Path

import pytest

from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.openrlhf.batches import check_online_batches

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "configs" / "cluster").iterdir())
VALUES = {"nodes": 2, "gpus": 8, "nodes * gpus": 16}

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


def keys_of(script):
    """Return the `key=value` words of a script, its variables and sums replaced by what they are on two machines."""
    words = re.findall(r"(?<=\s)(?:openrlhf|model)\.\w+=\S+(?: \* \w+\)\)\")?|engine=\w+", script.read_text())
    named = re.compile(r'"?\$(?:\(\(([^)]*)\)\)|(\w+))"?')
    return [named.sub(lambda found: str(VALUES[found[1] or found[2]]), word) for word in words]


@each_script
def test_bash_reads_it(script):
    checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@each_script
def test_it_can_be_started(script):
    assert script.stat().st_mode & 0o111
    assert script.read_text().startswith("#!/usr/bin/env bash\n")


@each_script
def test_it_stops_at_the_first_failure(script):
    assert "\nset -euo pipefail\n" in script.read_text()


def test_scripts_of_online_runs_name_a_configuration_that_loads():
    named = {re.search(r"^config=(\S+)$", script.read_text(), re.MULTILINE) for script in SCRIPTS} - {None}
    assert len(named) == 2
    for found in named:
        assert OnlineConfig.load(ROOT / found[1]).engine == "openrlhf"


def test_the_batches_fit_the_gpus_of_the_job():
    script = ROOT / "configs" / "cluster" / "online.slurm"
    config = OnlineConfig.load(ROOT / "configs" / "openrlhf-2grpo.yaml", keys_of(script))
    assert (config.openrlhf.nodes, config.openrlhf.gpus_per_node, config.openrlhf.vllm_engines) == (2, 8, 16)
    check_online_batches(config, [])


def test_the_keys_of_the_dpo_script_are_keys():
    config = DpoConfig.load(None, ["model.path=m", *keys_of(ROOT / "configs" / "cluster" / "dpo.slurm")])
    assert (config.engine, config.model.dtype) == ("openrlhf", "bfloat16")
    assert (config.openrlhf.nodes, config.openrlhf.gpus_per_node) == (2, 8)
