"""A reward function loads neither the trainers nor torch: it runs in their workers, whatever is installed there."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "trl", "verl", "openrlhf", "ray", "polars")


@pytest.mark.parametrize("module", ["trl", "verl", "openrlhf"])
def test_importing_it_loads_nothing_heavy(module):
    script = (
        f"import sys, twogrpo.reward_functions.{module}; "
        f"sys.exit(str([name for name in {HEAVY!r} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
