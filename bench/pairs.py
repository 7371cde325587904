"""Batch plans beside TRL's packing and verl's balancing, and pairs built from millions of rollouts.

Each side runs in processes of its own, in turns, on one thread. A million pairs are planned into optimizer steps of 256
pairs over eight ranks and over one, and as one step; extra memory is by how much the first plan raises the peak of a
process that holds the items, its result included. TRL packs fewer sequences, as its whole table at two million runs out
of memory; it moves the tokens as well, ours plans by lengths. verl splits online steps of 512 rollouts. The
multipack_sampler is left out: no package has it.

    python bench/pairs.py [--quick] [--json] [--peer-python PYTHON]
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from harness import Row, add_options, compare, interleave, publish
from workers.pairs_material import lengths, write_items, write_rollouts

WORKERS = Path(__file__).resolve().parent / "workers"
TRL, VERL = "1.16.0", "0.9.1"
BUDGET = 16_384
PAIRS, PACKED, STEPS = 1_000_000, 50_000, 50
ROLLOUTS = (1_000_000, 4_000_000)
PAIRS_A_STEP, RANKS = 256, 8
# 1.5 GB for ten million rollouts, of which 250 MB are the process with its libraries and what it is reading.
PROCESS_MB, BYTES_A_ROLLOUT = 250, 125
Report = dict[str, float]
Side = Callable[[], Report]


def main() -> None:
    """Measure, print and keep."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument(
        "--peer-python", default=sys.executable, help=f"interpreter of an environment with trl=={TRL}, verl=={VERL}"
    )
    options = parser.parse_args()
    present = _present_peers(options.peer_python)
    scale, repeats = (100, 1) if options.quick else (1, 5)
    before = os.getloadavg()[0]
    with TemporaryDirectory(prefix="bench-pairs-") as name:
        folder = Path(name)
        sides = _plan_sides(folder, PAIRS // scale) | _peer_sides(folder, options.peer_python, scale)
        if "verl" not in present:
            del sides["verl"]
        found = interleave(sides, repeats)
        built = _built(folder, [rollouts // scale for rollouts in ROLLOUTS], repeats)
    rows = [*_plan_rows(found, PAIRS // scale), *_peer_rows(found, PACKED // scale), *_built_rows(built)]
    details = {"token_budget": BUDGET, "load_average": [before, os.getloadavg()[0]], "runs": {**found, **built}}
    publish("pairs", rows, options, packages=("trl", "verl"), details=details)


def _present_peers(python: str) -> list[str]:
    """Return the peers that a Python has, and end without the one that ours is measured by."""
    script = (
        "import importlib.metadata as m, sys; print(*{d.name.lower() + '==' + d.version for d in m.distributions()})"
    )
    printed = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    present = [name for name, version in (("trl", TRL), ("verl", VERL)) if f"{name}=={version}" in printed]
    if "trl" not in present:
        sys.exit(f"{python} has no trl=={TRL}: pip install '.[bench]', or name another --peer-python")
    if "verl" not in present:
        print(f"without verl: {python} has no verl=={VERL}", file=sys.stderr)
    return present


def _worker(python: str, *command: object) -> Side:
    def run() -> Report:
        environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        words = [python, *map(str, command)]
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(words)} failed:\n{done.stderr[-2000:]}")
        report: Report = json.loads(done.stdout.splitlines()[-1])
        return report

    return run


def _ours(*command: object) -> Side:
    return _worker(sys.executable, WORKERS / "pairs_twogrpo.py", *command)


def _plan_sides(folder: Path, pairs: int) -> dict[str, Side]:
    items = folder / "items.parquet"
    write_items(items, pairs)
    step = 2 * PAIRS_A_STEP
    return {
        "steps on ranks": _ours("plan", items, 3, step, RANKS, BUDGET),
        "steps": _ours("plan", items, 3, step, 1, BUDGET),
        "one step": _ours("plan", items, 1, 0, 1, BUDGET),
    }


def _peer_sides(folder: Path, python: str, scale: int) -> dict[str, Side]:
    packed, online = folder / "packed", folder / "online.npy"
    write_items(packed, PACKED // scale)
    np.save(folder / "packed.npy", lengths(PACKED // scale))
    np.save(online, np.stack([lengths(PAIRS_A_STEP, seed) for seed in range(max(2, STEPS // scale))]))
    peer = WORKERS / "pairs_peers.py"
    return {
        "packed": _ours("plan", packed, 1, 0, 1, BUDGET),
        "TRL's table": _worker(python, peer, "trl_table", folder / "packed.npy", BUDGET),
        "TRL's data set": _worker(python, peer, "trl_dataset", folder / "packed.npy", BUDGET),
        "online": _ours("online", online, 20, BUDGET),
        "verl": _worker(python, peer, "verl", online, BUDGET),
    }


def _built(folder: Path, sizes: list[int], repeats: int) -> dict[str, list[Report]]:
    sides: dict[str, Side] = {}
    for size in sizes:
        write_rollouts(folder / str(size), size)
        sides[f"{size:,} rollouts"] = _ours("build", folder / str(size), "one_random", "False")
        sides[f"{size:,} rollouts across steps"] = _ours("build", folder / str(size), "best_random", "True")
    return interleave(sides, min(3, repeats))


def _values(reports: list[Report], key: str, factor: float = 1.0) -> list[float]:
    return [factor * report[key] for report in reports]


def _plan_rows(found: dict[str, list[Report]], pairs: int) -> list[Row]:
    rows = []
    for side, title in (("steps on ranks", f"{RANKS} ranks"), ("steps", "1 rank")):
        what = f"{pairs:,} pairs in steps of {PAIRS_A_STEP} on {title}"
        rows += [
            compare(what, "CPU-s", _values(found[side], "cpu_s"), goal=0.4),
            compare(what, "s", _values(found[side], "wall_s"), goal=1.0),
            compare(f"{what}: extra memory", "MB", _values(found[side], "extra_mb"), goal=100),
            compare(f"{what}: over the budget", "micro-batches", _values(found[side], "overflows"), goal=0),
        ]
    balance, whole = found["steps on ranks"], found["one step"]
    over = f"most loaded of {RANKS} ranks over the mean"
    what = f"{pairs:,} pairs in one step"
    return [
        *rows,
        compare(f"{over}, work", "x", _values(balance, "rank_work"), goal=1.02),
        compare(f"{over}, work, worst step", "x", _values(balance, "rank_work_worst"), goal=1.02),
        compare(f"{over}, tokens", "x", _values(balance, "rank_tokens"), goal=1.02),
        compare(f"{over}, tokens, worst step", "x", _values(balance, "rank_tokens_worst")),
        compare("heaviest micro-batch over the mean, work", "x", _values(balance, "batch_work"), goal=1.02),
        compare(f"{what}: packing", "share", _values(whole, "packing"), better="higher", goal=0.999),
        compare(what, "CPU-s", _values(whole, "cpu_s")),
        compare(f"{what}: extra memory", "MB", _values(whole, "extra_mb")),
    ]


def _peer_rows(found: dict[str, list[Report]], pairs: int) -> list[Row]:
    rows = []
    ours, what = found["packed"], f"{2 * pairs:,} sequences packed"
    for side, name in (("TRL's table", "_pack_bfd, whole table"), ("TRL's data set", "pack_dataset")):
        peer = f"TRL {TRL}, {name}"
        for key, unit, better in (("cpu_s", "CPU-s", "lower"), ("packing", "share", "higher")):
            mine, theirs = _values(ours, key), _values(found[side], key)
            rows.append(compare(f"{what}, beside {name}", unit, mine, theirs, peer_name=peer, better=better))  # type: ignore[arg-type]  # one of two words
    return [*rows, *_online_rows(found["online"], found.get("verl"))]


def _online_rows(online: list[Report], verl: list[Report] | None) -> list[Row]:
    peer_name = f"verl {VERL}, rearrange_micro_batches" if verl else None

    def beside(what: str, unit: str, key: str, factor: float = 1.0) -> Row:
        theirs = _values(verl, key, factor) if verl else None
        return compare(f"online step of 512: {what}", unit, _values(online, key, factor), theirs, peer_name=peer_name)

    return [
        compare("online step of 512", "ms", _values(online, "wall_s", 1000), goal=1.0),
        beside("CPU time", "CPU-ms", "cpu_s", 1000),
        beside("largest micro-batch over the mean", "x", "batch_tokens"),
        compare("online step of 512: over the budget", "micro-batches", _values(online, "overflows"), goal=0),
    ]


def _built_rows(built: dict[str, list[Report]]) -> list[Row]:
    rows = []
    for what, reports in built.items():
        rollouts = int(what.split()[0].replace(",", ""))
        bound = PROCESS_MB + BYTES_A_ROLLOUT * rollouts / 1e6
        rows += [
            compare(f"pairs of {what}", "s", _values(reports, "wall_s")),
            compare(f"pairs of {what}", "CPU-s", _values(reports, "cpu_s")),
            compare(f"pairs of {what}: peak of the process", "MB", _values(reports, "peak_mb"), goal=bound),
        ]
    return rows


if __name__ == "__main__":
    main()
