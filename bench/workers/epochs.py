"""What both sides of `bench/dpo.py` share: their options, and what an epoch took."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["options", "report_epoch"]

RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def options() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--beta", type=float, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--max-grad-norm", type=float, required=True)
    parser.add_argument("--pairs", type=int, required=True)
    return parser.parse_args()


def report_epoch(train: Callable[[], list[float]]) -> None:
    """Train and print what it took.

    Args:
        train: Makes the epoch and returns the loss of each step.
    """
    cpu, wall = time.process_time(), time.perf_counter()
    losses = train()
    report = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES / 1e6,
        "losses": losses,
    }
    print(json.dumps(report))
