"""The verifier beside other graders: answers a CPU-second, latency of one answer, and whether they say the same.

All judge the same rows in processes of their own and in turns: bare final answers and whole responses. Rows are made
on the spot; with `--material` labelled answers of real models are judged as well. math-verify is what ours is measured
by; verl's math_dapo and math_reward and OpenRLHF's grade_answer, which descends from the grader of PRM800K, take part
where their packages are installed, `--no-deps` being enough (grade_answer needs sympy and pylatexenc).

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
from typing import Any, NamedTuple

from harness import Row, Worker, add_options, compare, publish

WORKERS = Path(__file__).resolve().parent / "workers"
sys.path.insert(0, str(WORKERS))
from verify_rows import pairs, responses  # noqa: E402  # a worker's module


class Peer(NamedTuple):
    """A grader of a package, and the worker that runs it."""

    name: str
    package: str
    version: str
    worker: tuple[str, ...]


PEERS = (
    Peer("math-verify 0.9.0", "math-verify", "0.9.0", ("verify_math_verify.py",)),
    Peer("math_dapo of verl 0.9.1", "verl", "0.9.1", ("verify_graders.py", "math_dapo")),
    Peer("math_reward of verl 0.9.1", "verl", "0.9.1", ("verify_graders.py", "math_reward")),
    Peer("grade_answer of OpenRLHF 0.11.2", "openrlhf", "0.11.2", ("verify_graders.py", "grade_answer")),
)
PEER = PEERS[0].name
SEED = 0
Rows = list[tuple[str, str, bool]]
Labels = list[bool | None]
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
    parser.add_argument("--peer-python", default=sys.executable, help=f"with {PEERS[0].package}=={PEERS[0].version}")
    options = parser.parse_args()
    peers = _installed_peers(options.peer_python)
    sets, labels = _sets(options.rows or (60 if options.quick else 400), options.material)
    rounds = options.rounds or (1 if options.quick else 3)
    with TemporaryDirectory(prefix="bench-verify-") as folder:
        reports, verdicts = _measure(sets, rounds, peers, options.peer_python, Path(folder))
    rows = [row for name in sets for row in _rows(name, {side: reports[side][name] for side in reports})]
    publish("verify", rows, options, details=_details(sets, labels, rounds, verdicts))


def _installed_peers(python: str) -> list[Peer]:
    """Return the peers that a Python has, and end without the one that ours is measured by."""
    script = (
        "import importlib.metadata as m, json, sys\n"
        "found = {d.name: d.version for d in m.distributions()}\n"
        "print(json.dumps([found.get(name) for name in sys.argv[1:]]))"
    )
    packages = [peer.package for peer in PEERS]
    printed = subprocess.run([python, "-c", script, *packages], capture_output=True, text=True, check=True).stdout
    found = json.loads(printed)
    present = [peer for peer, version in zip(PEERS, found, strict=True) if version == peer.version]
    if PEERS[0] not in present:
        wanted = f"{PEERS[0].package}=={PEERS[0].version}"
        sys.exit(f"{python} has no {wanted}: pip install '.[bench]', or name another --peer-python")
    for peer in PEERS:
        if peer not in present:
            print(f"without {peer.name}: {python} has no {peer.package}=={peer.version}", file=sys.stderr)
    return present


def _sets(count: int, material: Path | None) -> tuple[dict[str, Rows], dict[str, Labels]]:
    """Return the rows by set, each (gold, text, whether the text is a bare answer), and what they are labelled."""
    sets: dict[str, Rows] = {
        "pairs": [(row.gold, row.text, True) for row in pairs(count, SEED)],
        "responses": [(row.gold, row.text, False) for row in responses(count, SEED)],
    }
    labels: dict[str, Labels] = {name: [None] * count for name in sets}
    for name, files in MATERIAL.items() if material else ():
        lines = [line for file in files for line in (material / file).read_text("utf-8").rstrip("\n").split("\n")]
        chosen = [json.loads(line) for line in random.Random(SEED).sample(lines, min(count, len(lines)))]
        column = "response" if name.endswith("responses") else "pred"
        sets[name] = [(row["gold"], row[column], column == "pred") for row in chosen]
        labels[name] = [row["label"] for row in chosen]
    return sets, labels


def _measure(
    sets: Mapping[str, Rows], rounds: int, peers: Sequence[Peer], peer_python: str, folder: Path
) -> tuple[dict[str, dict[str, Reports]], dict[str, dict[str, list[bool]]]]:
    """Return what each side reports, by side and set and without the warm-up round, and what it judged right."""
    rows = folder / "rows.json"
    rows.write_text(json.dumps(sets), encoding="utf-8")
    ours = [sys.executable, str(WORKERS / "verify_twogrpo.py")]
    sides = {
        "one thread": (ours, {"TWOGRPO_NUM_THREADS": "1"}),
        "two threads": (ours, {"TWOGRPO_NUM_THREADS": "2"}),
        **{peer.name: ([peer_python, str(WORKERS / peer.worker[0]), *peer.worker[1:]], {}) for peer in peers},
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

    def row(
        what: str, unit: str, key: str, goal: float | None = None, *, higher: bool = False, peer: str = PEER
    ) -> Row:
        better = "higher" if higher else "lower"
        ours, theirs = of("one thread", key), of(peer, key)
        return compare(f"{name}: {what}", unit, ours, theirs, peer_name=peer, better=better, goal=goal)

    def bound(what: str, unit: str, key: str, goal: float, *, higher: bool = False) -> Row:
        ours = of("one thread", key)
        return compare(f"{name}: {what}", unit, ours, better="higher" if higher else "lower", goal=goal)

    others = [side for side in reports if side not in {"one thread", "two threads", PEER}]
    return [
        row("one thread", "answers/CPU-s", "per_cpu_s", LEAST_RATIO, higher=True),
        *(row(f"beside {peer}", "answers/CPU-s", "per_cpu_s", higher=True, peer=peer) for peer in others),
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


def _details(
    sets: Mapping[str, Rows],
    labels: Mapping[str, Labels],
    rounds: int,
    verdicts: Mapping[str, Mapping[str, Sequence[bool]]],
) -> Mapping[str, Any]:
    """Return the settings, and how often each side accepts an answer, says what ours says, and what the labels say."""

    def of_side(name: str, side: str) -> dict[str, Any]:
        ours, theirs = verdicts["one thread"][name], verdicts[side][name]
        known = [(found, label) for found, label in zip(theirs, labels[name], strict=True) if label is not None]
        return {
            "accepted": sum(theirs),
            "as_ours": sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours),
            "labelled": len(known),
            "accepted_against_label": sum(found and not label for found, label in known),
            "refused_against_label": sum(label and not found for found, label in known),
        }

    def of_set(name: str) -> dict[str, Any]:
        characters = sum(len(text) for _, text, _ in sets[name]) / len(sets[name])
        sides = {side: of_side(name, side) for side in verdicts if side != "two threads"}
        return {"rows": len(sets[name]), "mean_characters": characters, "sides": sides}

    return {"profile": "eval", "rounds": rounds, "seed": SEED, "sets": {name: of_set(name) for name in sets}}


if __name__ == "__main__":
    main()
