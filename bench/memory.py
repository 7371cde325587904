"""Peak memory of one training step on a model of half a billion parameters, beside TRL's GRPOTrainer.

Random weights in the shape of Qwen2.5-0.5B, one pair of responses of 2,048 tokens, float32 on the CPU, layers computed
again in the backward pass on both sides, Adam. Each side is a process of its own and makes one whole step: loss,
backward, optimizer. Beside our peak stands what `--dry-run` would have estimated.

    python bench/memory.py [--quick] [--json] [--peer-python PYTHON]
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from harness import Row, add_options, compare, publish

WORKERS = Path(__file__).resolve().parent / "workers"
TRL = "1.16.0"
PEER = f"TRL {TRL} GRPOTrainer"
# How far the estimate may be off.
SHARE = 0.2


def main() -> None:
    """Measure, print and keep."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--peer-python", default=sys.executable, help=f"interpreter of an environment with trl=={TRL}")
    options = parser.parse_args()
    tokens, layers = (128, 2) if options.quick else (2048, 24)
    ours = _report(sys.executable, "memory_twogrpo.py", tokens, layers)
    peer = _report(options.peer_python, "memory_trl.py", tokens, layers)
    details = {"response_tokens": tokens, "layers": layers, "ours": ours, "peer": peer}
    publish("memory", _rows(ours, peer), options, details=details)


def _report(python: str, worker: str, tokens: int, layers: int) -> dict[str, float]:
    import twogrpo

    package = str(Path(twogrpo.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": package, "OMP_WAIT_POLICY": "PASSIVE"}
    command = [python, str(WORKERS / worker), str(tokens), str(layers)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{worker} failed:\n{done.stderr[-2000:]}")
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


def _rows(ours: dict[str, float], peer: dict[str, float]) -> list[Row]:
    def row(what: str, unit: str, key: str) -> Row:
        return compare(what, unit, [ours[key]], [peer[key]], peer_name=PEER, goal=1.0)

    off = abs(ours["estimated_mb"] / ours["peak_memory_mb"] - 1)
    return [
        row("peak memory of the process", "MB", "peak_memory_mb"),
        row("the same above weights, gradients and Adam's moments", "MB", "working_memory_mb"),
        row("CPU time of the step", "s", "cpu_s"),
        compare("the estimate of --dry-run", "MB", [ours["estimated_mb"]]),
        compare("by which share it is off", "", [off], goal=SHARE),
    ]


if __name__ == "__main__":
    main()
