"""The verifier beside math-verify: answers a CPU-second, latency of one answer, and whether both say the same.

Both judge the same rows in processes of their own and in turns: bare final answers and whole responses. Rows are made
on the spot; with `--material` labelled answers of real models are judged as well.

    python bench/verify.py [--material FOLDER] [--quick] [--json] [--peer-python PYTHON]
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import Row, Worker, add_options, compare, publish

WORKERS = Path(__file__).resolve().parent / "workers"
sys.path.insert(0, str(WORKERS))
from verify_rows import pairs, responses  # noqa: E402  # a worker's module

MATH_VERIFY = "0.9.0"
PEER = f"math-verify {MATH_VERIFY}"
SEED = 0
Rows = list[tuple[str, str, bool]]
Reports = list[dict[str, float]]

# Sets of --material, by the files that they are drawn from; the last column of a row says whether it is a bare answer.
MATERIAL = {
    "real pairs": ("skythought_pairs.jsonl", "zeroeval_math_l5.jsonl"),
    "hard pairs": ("hardverify_math.jsonl",),
    "real responses": ("skythought_full.jsonl",),
}
# Answers of ours a CPU-second on one thread, at least.
RATES = {
    "pairs": 100_000.0,
    "responses": 50_000.0,
    "real pairs": 100_000.0,
    "hard pairs": 20_000.0,
    "real responses": 50_000.0,
}
LEAST_RATIO = 500.0
P99_MS, MAX_MS, LEAST_SPEEDUP = 0.2, 5.0, 1.6


def main() -> None:
    """Measure, print and keep."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--material", type=Path, help="folder of labelled answers; only made rows without it")
    parser.add_argument("--rows", type=int, help="rows of each set; 400, or 60 with --quick")
    parser.add_argument("--rounds", type=int, help="measured rounds; 3, or 1 with --quick")
    parser.add_argument("--peer-python", default=sys.executable, help=f"with math-verify=={MATH_VERIFY}")
    options = parser.parse_args()
    _require_peer(options.peer_python)
    sets = _sets(options.rows or (60 if options.quick else 400), options.material)
    rounds = options.rounds or (1 if options.quick else 3)
    with TemporaryDirectory(prefix="bench-verify-") as folder:
        reports, verdicts = _measure(sets, rounds, options.peer_python, Path(folder))
    rows = [row for name in sets for row in _rows(name, {side: reports[side][name] for side in reports})]
    publish("verify", rows, options, details=_details(sets, rounds, verdicts))


def _require_peer(python: str) -> None:
    script = "import importlib.metadata as m; print(m.version('math-verify'))"
    found = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    if found.stdout.strip() != MATH_VERIFY:
        sys.exit(f"{python} has no math-verify=={MATH_VERIFY}: pip install '.[bench]', or name another --peer-python")


def _sets(count: int, material: Path | None) -> dict[str, Rows]:
    """Return the rows by set, each (gold, text, whether the text is a bare answer)."""
    sets: dict[str, Rows] = {
        "pairs": [(row.gold, row.text, True) for row in pairs(count, SEED)],
        "responses": [(row.gold, row.text, False) for row in responses(count, SEED)],
    }
    for name, files in MATERIAL.items() if material else ():
        lines = [line for file in files for line in (material / file).read_text("utf-8").rstrip("\n").split("\n")]
        chosen = [json.loads(line) for line in random.Random(SEED).sample(lines, min(count, len(lines)))]
        column = "response" if name.endswith("responses") else "pred"
        sets[name] = [(row["gold"], row[column], column == "pred") for row in chosen]
    return sets


def _measure(
    sets: Mapping[str, Rows], rounds: int, peer_python: str, folder: Path
) -> tuple[dict[str, dict[str, Reports]], dict[str, dict[str, list[bool]]]]:
    """Return what each side reports, by side and set and without the warm-up round, and what it judged right."""
    rows = folder / "rows.json"
    rows.write_text(json.dumps(sets), encoding="utf-8")
    ours = [sys.executable, str(WORKERS / "verify_twogrpo.py")]
    sides = {
        "one thread": (ours, {"TWOGRPO_NUM_THREADS": "1"}),
        "two threads": (ours, {"TWOGRPO_NUM_THREADS": "2"}),
        "peer": ([peer_python, str(WORKERS / "verify_math_verify.py")], {}),
    }
    with ExitStack() as stack:
        workers = {}
        for side, (command, settings) in sides.items():
            verdicts = folder / f"{side}.json"
            options = ["--rows", str(rows), "--verdicts", str(verdicts), "--rounds", str(rounds + 1)]
            worker = Worker([*command, *options], folder / f"{side}.log", {**os.environ, **settings, **_threads()})
            workers[side] = stack.enter_context(worker)
        reports: dict[str, dict[str, Reports]] = {side: {name: [] for name in sets} for side in sides}
        for name in sets:
            for turn in range(rounds + 1):
                for side in list(workers)[:: -1 if turn % 2 else 1]:
                    report = workers[side].step()
                    # The first round warms up: pools of threads, and what sympy keeps.
                    reports[side][name] += [report] if turn else []
        return reports, {side: json.loads((folder / f"{side}.json").read_text("utf-8")) for side in sides}


def _threads() -> dict[str, str]:
    """Return settings under which polars takes part with one thread alone."""
    import twogrpo

    return {"POLARS_MAX_THREADS": "1", "PYTHONPATH": str(Path(twogrpo.__file__).resolve().parents[1])}


def _rows(name: str, reports: Mapping[str, Reports]) -> list[Row]:
    def of(side: str, key: str) -> list[float]:
        return [report[key] for report in reports[side]]

    def row(what: str, unit: str, key: str, goal: float | None = None, *, higher: bool = False) -> Row:
        better = "higher" if higher else "lower"
        ours, peer = of("one thread", key), of("peer", key)
        return compare(f"{name}: {what}", unit, ours, peer, peer_name=PEER, better=better, goal=goal)

    def bound(what: str, unit: str, key: str, goal: float, *, higher: bool = False) -> Row:
        ours = of("one thread", key)
        return compare(f"{name}: {what}", unit, ours, better="higher" if higher else "lower", goal=goal)

    return [
        row("one thread", "answers/CPU-s", "per_cpu_s", LEAST_RATIO, higher=True),
        bound("one thread, by itself", "answers/CPU-s", "per_cpu_s", RATES[name], higher=True),
        row("one thread", "answers/s", "per_s", higher=True),
        compare(
            f"{name}: two threads",
            "answers/s",
            of("two threads", "per_s"),
            of("one thread", "per_s"),
            peer_name="one thread of ours",
            better="higher",
            goal=LEAST_SPEEDUP,
        ),
        row("CPU time of one answer, median", "ms", "p50_ms"),
        row("CPU time of one answer, 99 of 100", "ms", "p99_ms"),
        row("CPU time of one answer, longest", "ms", "max_ms"),
        bound("99 of 100, by itself", "ms", "p99_ms", P99_MS),
        bound("longest, by itself", "ms", "max_ms", MAX_MS),
    ]


def _details(sets: Mapping[str, Rows], rounds: int, verdicts: Mapping[str, Mapping[str, Sequence[bool]]]) -> Any:  # noqa: ANN401
    """Return the settings, and how often both sides accept an answer and say the same."""

    def agreement(name: str) -> dict[str, Any]:
        ours, peer = verdicts["one thread"][name], verdicts["peer"][name]
        same = sum(a == b for a, b in zip(ours, peer, strict=True))
        characters = sum(len(text) for _, text, _ in sets[name]) / len(ours)
        return {
            "rows": len(ours),
            "mean_characters": characters,
            "accepted_by_ours": sum(ours),
            "accepted_by_peer": sum(peer),
            "same_verdict": same / len(ours),
        }

    return {"profile": "eval", "rounds": rounds, "seed": SEED, "sets": {name: agreement(name) for name in sets}}


if __name__ == "__main__":
    main()
