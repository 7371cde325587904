"""Logprobs of a large vocabulary, forward and backward: ours in tiles beside the whole logits at once.

Each side runs in processes of its own, in turns: a pass over a few tokens, which makes every gradient buffer, then the
one that is measured. Extra memory is by how much that one raises the process's peak: what grows with the tokens. The
gradients of both sides are compared as well.

    python bench/logprobs.py [--quick] [--json]
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import Row, add_options, compare, interleave, publish

WORKER = Path(__file__).resolve().parent / "workers" / "logprobs_side.py"
PEER = "whole logits: gather - logsumexp"
VOCABULARY, TOKENS = 151_936, 768
# The hidden sizes of a model of some tens of millions of parameters and of Qwen2.5-0.5B.
WIDTHS = (192, 896)
EXTRA_MB, TIME_RATIO = 100.0, 1 / 1.2


def main() -> None:
    """Measure, print and keep."""
    options = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])).parse_args()
    repeats, tokens = (1, 96) if options.quick else (5, TOKENS)
    rows: list[Row] = []
    details: dict[str, Any] = {"vocabulary": VOCABULARY, "tokens": tokens}
    with TemporaryDirectory(prefix="bench-logprobs-") as name:
        for width in WIDTHS:
            sides = {side: _side(side, width, tokens, Path(name)) for side in ("ours", "whole")}
            found = interleave(sides, repeats)
            rows += _rows(width, found["ours"], found["whole"])
            details[f"largest relative difference of gradients at width {width}"] = _difference(Path(name), width)
    publish("logprobs", rows, options, details=details)


def _side(side: str, width: int, tokens: int, folder: Path) -> Any:  # noqa: ANN401  # a function without arguments
    def run() -> dict[str, float]:
        command = [sys.executable, str(WORKER), side, str(width), str(tokens), str(VOCABULARY)]
        command.append(str(folder / f"{side}-{width}.pt"))
        # One thread: CPU time of two that wait for each other says little.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        report: dict[str, float] = json.loads(done.stdout)
        return report

    return run


def _rows(width: int, ours: list[dict[str, float]], whole: list[dict[str, float]]) -> list[Row]:
    def row(what: str, unit: str, key: str, *, goal: float | None, is_alone: bool = False) -> Row:
        peer = None if is_alone else [report[key] for report in whole]
        name = None if is_alone else PEER
        return compare(
            f"{what}, width {width}", unit, [report[key] for report in ours], peer, peer_name=name, goal=goal
        )

    return [
        row("extra memory", "MB", "extra_mb", goal=EXTRA_MB, is_alone=True),
        row("extra memory", "MB", "extra_mb", goal=None),
        row("CPU time", "s", "cpu_s", goal=TIME_RATIO),
        row("wall time", "s", "wall_s", goal=TIME_RATIO),
    ]


def _difference(folder: Path, width: int) -> float:
    """Return the largest difference between both sides' gradients, relative to the largest entry."""
    import torch

    ours, whole = (torch.load(folder / f"{side}-{width}.pt") for side in ("ours", "whole"))
    return max(float((ours[name] - whole[name]).abs().max() / whole[name].abs().max()) for name in whole)


if __name__ == "__main__":
    main()
