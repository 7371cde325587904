"""What appends and questions cost as a store grows to half a million rollouts, and what compaction changes.

Every segment holds 512 rollouts; responses are those of `workers/rollouts.py`, made once for a few steps and stored
under new steps and groups, so that making them takes no time. At each size the next appends are measured, and three
questions put by plain polars: a mean a step, one group, and the responses of one step. Then the store is compacted and
asked again.

    python bench/store_growth.py [--quick] [--json]
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from harness import REPOSITORY, Row, Timing, add_options, compare, measure, publish
from twogrpo import RolloutStore
from workers.rollouts import RolloutMaker

SEGMENTS = (40, 120, 360, 977)
QUICK_SEGMENTS = (4, 8)
ROLLOUTS, GROUPS = 512, 256
DIFFERENT_STEPS = 8
APPENDS, ASKED = 15, 5
FLAT = 1.25


def main() -> None:
    """Grow a store, measure, compact, measure again, print and keep."""
    options = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])).parse_args()
    sizes = QUICK_SEGMENTS if options.quick else SEGMENTS
    place = REPOSITORY / "runs" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    before = os.getloadavg()[0]
    with TemporaryDirectory(prefix="growth-", dir=place) as name:
        folder = Path(name)
        growth = Growth(folder / "store")
        measured = {size: growth.measure_at(size) for size in sizes}
        growth.store.close()
        rows = _growth_rows(measured)
        rows += _compaction_rows(folder, measured[sizes[-1]])
        disk = sum(file.stat().st_size for file in (folder / "store").rglob("*") if file.is_file())
    details = {
        "different_steps": DIFFERENT_STEPS,
        "bytes": disk,
        "medians": {
            size: {what: statistics.median(values) for what, values in at.items()} for size, at in measured.items()
        },
        "load_average": [before, os.getloadavg()[0]],
    }
    publish("store_growth", rows, options, details=details)


class Growth:
    """A store that grows step by step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = RolloutStore.open(folder, run_id="bench")
        maker = RolloutMaker(prompts=GROUPS)
        self._tables = [maker.table(step) for step in range(DIFFERENT_STEPS)]
        self._step = 0

    def measure_at(self, size: int) -> dict[str, list[float]]:
        """Return the seconds that appends up to this size and questions at it take, the appends as CPU time too."""
        while self._step < size - APPENDS:
            self._append()
        appended = [measure(self._append) for _ in range(size - self._step)]
        return {
            "append": [timing.wall_s for timing in appended],
            "append_cpu": [timing.cpu_s for timing in appended],
            **questions(self.folder, size),
            "open": self._reopen(),
        }

    def _append(self) -> None:
        step = self._step
        moved = (pl.col("group_id") % GROUPS + step * GROUPS, pl.lit(step, pl.Int32).alias("policy_version"))
        self.store.append(self._tables[step % DIFFERENT_STEPS].with_columns(moved), step)
        self.store.flush()
        self._step += 1

    def _reopen(self) -> list[float]:
        taken = []
        for _ in range(ASKED):
            self.store.close()
            taken.append(measure(self._open).wall_s)
        return taken

    def _open(self) -> None:
        self.store = RolloutStore.open(self.folder, run_id="bench")


def questions(folder: Path, segments: int) -> dict[str, list[float]]:
    """Return the seconds that each question takes."""
    group = segments // 2 * GROUPS

    def rows() -> pl.LazyFrame:
        return RolloutStore.open(folder).scan()

    asked: dict[str, tuple[Callable[[], pl.DataFrame], int]] = {
        "mean": (lambda: rows().group_by("step").agg(pl.col("reward").mean()).collect(), segments),
        "group": (lambda: rows().filter(pl.col("group_id") == group).collect(), 2),
        "last": (
            lambda: rows().filter(pl.col("step") == segments - 1).select("response", "reward").collect(),
            ROLLOUTS,
        ),
    }
    return {
        what: [_asked(ask, expected).wall_s for _ in range(ASKED + 1)][1:] for what, (ask, expected) in asked.items()
    }


def _asked(ask: Callable[[], pl.DataFrame], expected: int) -> Timing:
    found: list[int] = []
    timing = measure(lambda: found.append(ask().height))
    if found != [expected]:
        raise SystemExit(f"{found[0]} rows were found, expected {expected}")
    return timing


def _growth_rows(measured: dict[int, dict[str, list[float]]]) -> list[Row]:
    smallest, largest = min(measured), max(measured)
    few = f"the same at {smallest * ROLLOUTS:,} rollouts"
    at = f"at {largest * ROLLOUTS:,} rollouts"
    first, last = measured[smallest], measured[largest]
    rows = [
        _flat(f"durable append {at}", "ms", last["append"], first["append"], few),
        _flat(f"durable append {at}", "CPU-ms", last["append_cpu"], first["append_cpu"], few),
    ]
    for what, title in (
        ("mean", "mean reward of every step"),
        ("group", "one group"),
        ("last", "responses of one step"),
    ):
        # A question looks at every footer: what must stay is its cost a segment.
        a_segment = [[value / size for value in measured[size][what]] for size in (largest, smallest)]
        rows.append(_flat(f"{title}, a segment, {at}", "ms", *a_segment, few))
        rows.append(compare(f"{title} {at}", "ms", [1000 * value for value in last[what]]))
    rows.append(compare(f"opening for writing {at}", "ms", [1000 * value for value in last["open"]]))
    return rows


def _flat(what: str, unit: str, last: list[float], first: list[float], peer_name: str) -> Row:
    """Return a row that holds if the cost has not grown by more than a quarter."""
    values = ([1000 * value for value in side] for side in (last, first))
    return compare(what, unit, *values, peer_name=peer_name, goal=1 / FLAT)


def _compaction_rows(folder: Path, before: dict[str, list[float]]) -> list[Row]:
    try:
        from twogrpo.rollouts.compaction import compact
    except ImportError:
        print("this build compacts no stores: left out", file=sys.stderr)
        return []
    source, target = folder / "store", folder / "compact"
    with RolloutStore.open(source) as store:
        segments = len(store.segments())
        started = time.perf_counter()
        compact(store, target)
        taken = time.perf_counter() - started
    after = questions(target, segments)
    files = len(RolloutStore.open(target).segments())
    name = f"before, in {segments} files"
    size = [[sum(file.stat().st_size for file in side.glob("run=*/*.parquet"))] for side in (target, source)]
    rows = [
        compare(f"compacting {segments * ROLLOUTS:,} rollouts", "s", [taken]),
        compare(f"files of {segments * ROLLOUTS:,} rollouts, compacted", "files", [files], [segments], peer_name=name),
        compare("bytes, compacted", "bytes", size[0], size[1], peer_name=name),
    ]
    for what, title in (
        ("mean", "mean reward of every step"),
        ("group", "one group"),
        ("last", "responses of one step"),
    ):
        values = ([1000 * value for value in side[what]] for side in (after, before))
        rows.append(compare(f"{title}, compacted", "ms", *values, peer_name=name))
    return rows


if __name__ == "__main__":
    main()
