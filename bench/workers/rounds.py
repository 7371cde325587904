"""Rounds over sets of rows, one a turn: what both sides of `bench/verify.py` share.

Each turn judges every row of a set one by one, for the latencies; where there is a function for whole sets, it then
judges the set with it until that can be timed.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from turns import Turns

__all__ = ["Item", "run_rounds"]

LEAST_S = 0.3


class Item(NamedTuple):
    """A row to be judged."""

    gold: str
    text: str
    is_bare: bool


def run_rounds(judge: Callable[[Item], bool], judge_all: Callable[[Sequence[Item]], object] | None = None) -> None:
    """Take turns: so many rounds over each set, set by set, in the file's order.

    Args:
        judge: Returns whether one answer is right.
        judge_all: Judges all rows of a set, if that is another way; else `judge` is timed over the set.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=Path, required=True, help="one JSON object: rows by set")
    parser.add_argument("--verdicts", type=Path, required=True, help="where to write what was judged right")
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args()
    sets = {name: [Item(*row) for row in rows] for name, rows in json.loads(options.rows.read_text("utf-8")).items()}
    turns = Turns(len(sets) * options.rounds)
    verdicts: dict[str, list[bool]] = {}
    turns.begin()
    for name, items in sets.items():
        for _ in range(options.rounds):
            verdicts[name], latencies_s, throughput = _one_by_one(judge, items)
            if judge_all is not None:
                throughput = _at_once(judge_all, items)
            options.verdicts.write_text(json.dumps(verdicts), encoding="utf-8")
            turns.end(**throughput, **_quantiles_ms(latencies_s))


def _one_by_one(
    judge: Callable[[Item], bool], items: Sequence[Item]
) -> tuple[list[bool], list[float], dict[str, float]]:
    """Return the verdicts, the CPU time of each, and answers a second and a CPU-second."""
    verdicts: list[bool] = []
    latencies_s: list[float] = []
    cpu, wall = time.process_time(), time.perf_counter()
    for item in items:
        # On a busy machine the clock would count other programs.
        start = time.thread_time()
        verdicts.append(judge(item))
        latencies_s.append(time.thread_time() - start)
    return verdicts, latencies_s, _rates(len(items), cpu, wall)


def _at_once(judge_all: Callable[[Sequence[Item]], object], items: Sequence[Item]) -> dict[str, float]:
    """Return answers a second and a CPU-second, over as many passes as are long enough to be timed."""
    answers = 0
    cpu, wall = time.process_time(), time.perf_counter()
    while time.perf_counter() - wall < LEAST_S:
        judge_all(items)
        answers += len(items)
    return _rates(answers, cpu, wall)


def _rates(answers: int, cpu: float, wall: float) -> dict[str, float]:
    """Return the rates since two readings of the clocks."""
    return {
        "per_cpu_s": answers / (time.process_time() - cpu),
        "per_s": answers / (time.perf_counter() - wall),
    }


def _quantiles_ms(latencies_s: Sequence[float]) -> dict[str, float]:
    ordered = sorted(latencies_s)
    places = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in places.items()}
