"""Durable appends of rollouts, and asking for them back, beside what a user would otherwise reach for.

Tuned pyarrow and polars write Parquet files as safely as ours are written; Delta Lake, Lance and the JSONL that
trainers dump are there as they are (`workers/store_sides.py`). An append is of 512 rollouts, one optimizer step. What
the disk alone takes for as many bytes is measured beside them. Peers that are not installed are named and left out:
`pip install 'twogrpo[bench]'` has them.

    python bench/store.py [--quick] [--json]
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import polars as pl

from harness import REPOSITORY, Row, Timing, add_options, compare, interleave, measure, publish
from twogrpo import RolloutStore
from workers.rollouts import RolloutMaker
from workers.store_processes import appended_by
from workers.store_sides import OURS, PYARROW, SIDES, Ours, Side, commit, missing_peers

WARM_UP_STEPS = 2
SEGMENT_BYTES = 512 * 3800
PROJECTION = ("step", "reward")
# STORE's goals: bounds in ms, bytes and MB; CPU time at most that of pyarrow.
APPEND_MS, BLOCKED_MS, ROLLOUT_BYTES, HALF_BYTES, EXTRA_MB = 25.0, 2.0, 3905.0, 3200.0, 40.0
READ_MS = {"two columns": 15.0, "one group, every column": 20.0, "5 of 40 steps, every column": 100.0}
OPEN_S, CHECK_GB_S, WRITERS_RATIO, SEGMENTS = 1.0, 1.0, 0.5, 2000


class Appended(NamedTuple):
    """What one durable append took, and how long it held up its caller, who goes on while ours still writes."""

    timing: Timing
    blocked_s: float


def main() -> None:
    """Measure, print and keep."""
    options = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])).parse_args()
    steps, reads, segments = (6, 3, 100) if options.quick else (40, 15, SEGMENTS)
    # On the disk of the checkout: where temporary files live in memory, a sync would cost nothing.
    place = REPOSITORY / "runs" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    before, missing = os.getloadavg()[0], missing_peers()
    for name in missing:
        print(f"{name} is not installed and left out", file=sys.stderr)
    with TemporaryDirectory(prefix="store-", dir=place) as name:
        folder = Path(name)
        appends = Appends(folder, [side for side in SIDES if side not in missing])
        rows = append_rows(appends, steps)
        rows += read_rows(appends.sides, reads, steps)
        rows += half_rows(folder / "half", appends.maker)
        rows += opening_rows(folder / "many", segments, reads)
        rows += check_rows(folder / OURS, reads)
        rows += process_rows(folder / "processes", appends.maker, is_quick=options.quick)
    details = {"segments": steps, "missing": missing, "load_average": [before, os.getloadavg()[0]]}
    publish("store", rows, options, packages=("numpy", "deltalake", "pylance"), details=details)


class Appends:
    """Every side with its own folder and its own next step."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder, self.maker = folder, RolloutMaker()
        self.sides: dict[str, Side] = {}
        for name in (*names, "disk"):
            (folder / name).mkdir()
        self.sides = {name: SIDES[name](folder / name) for name in names}
        self._steps = dict.fromkeys((*names, "disk"), 0)
        self._noise = os.urandom(SEGMENT_BYTES)
        # Kept for the step that is under way, as all sides append the same one.
        self._table = lru_cache(maxsize=1)(self.maker.table)

    def calls(self) -> dict[str, Callable[[], Appended]]:
        """Return what appends the next step of each side, and what the disk alone takes."""
        return {**{name: partial(self._append, name) for name in self.sides}, "disk": self._disk}

    def _append(self, name: str) -> Appended:
        step, side = self._next(name), self.sides[name]
        table = side.prepare(self._table(step), step)
        if not isinstance(side, Ours):
            timing = measure(lambda: side.append(table, step))
            return Appended(timing, timing.wall_s)
        blocked: list[float] = []

        def run() -> None:
            started = time.perf_counter()
            side.store.append(table, step)
            blocked.append(time.perf_counter() - started)
            side.store.flush()

        return Appended(measure(run), blocked[0])

    def _disk(self) -> Appended:
        step, folder = self._next("disk"), self.folder / "disk"
        timing = measure(lambda: commit(folder, step, lambda file: file.write(self._noise), rows=0))
        return Appended(timing, timing.wall_s)

    def _next(self, side: str) -> int:
        self._steps[side] += 1
        return self._steps[side] - 1


def append_rows(appends: Appends, steps: int) -> list[Row]:
    """Return what appends take, and what is then on the disk."""
    taken = interleave(appends.calls(), steps)
    wall = {side: [1000 * one.timing.wall_s for one in results[WARM_UP_STEPS:]] for side, results in taken.items()}
    cpu = {side: [1000 * one.timing.cpu_s for one in results[WARM_UP_STEPS:]] for side, results in taken.items()}
    blocked = [1000 * one.blocked_s for one in taken[OURS][WARM_UP_STEPS:]]
    rollouts = steps * appends.maker.table(0).height
    size = {side: [_size(appends.folder / side) / rollouts] for side in appends.sides}
    append, stored = "durable append of 512 rollouts", "a stored rollout"
    rows = [compare(append, "ms", wall[OURS], goal=APPEND_MS)]
    rows += _beside(appends.sides, append, "ms", wall)
    rows += _beside(appends.sides, append, "CPU-ms", cpu, goals={PYARROW: 1.0})
    rows.append(compare("the caller of an append waits", "ms", blocked, goal=BLOCKED_MS))
    rows.append(compare("the disk alone, as many bytes in the same steps", "ms", wall["disk"]))
    rows.append(compare(stored, "bytes", size[OURS], goal=ROLLOUT_BYTES))
    return rows + _beside(appends.sides, stored, "bytes", size)


def read_rows(sides: dict[str, Side], reads: int, steps: int) -> list[Row]:
    """Return what asking takes."""
    group, some = 256 * steps // 2, [step * steps // 5 for step in range(5)]
    questions: dict[str, tuple[Callable[[Side], Any], int]] = {
        "two columns": (lambda side: side.columns(PROJECTION), 512 * steps),
        "one group, every column": (lambda side: side.group(group), 2),
        "5 of 40 steps, every column": (lambda side: side.steps(some), 512 * len(some)),
    }
    rows = []
    for what, (ask, expected) in questions.items():
        calls = {name: partial(_asked, ask, side, expected) for name, side in sides.items()}
        # The first round warms up.
        taken = {name: timings[1:] for name, timings in interleave(calls, reads).items()}
        wall = {name: [1000 * timing.wall_s for timing in timings] for name, timings in taken.items()}
        cpu = {name: [1000 * timing.cpu_s for timing in timings] for name, timings in taken.items()}
        title = f"reading {what} of {512 * steps:,} rollouts"
        rows.append(compare(title, "ms", wall[OURS], goal=READ_MS[what]))
        rows += _beside(sides, title, "ms", wall)
        rows += _beside(sides, title, "CPU-ms", cpu)
    return rows


def _asked(ask: Callable[[Side], Any], side: Side, expected: int) -> Timing:
    found: list[int] = []
    timing = measure(lambda: found.append(len(ask(side))))
    if found != [expected]:
        raise SystemExit(f"{type(side).__name__} found {found[0]} rollouts, expected {expected}")
    return timing


def half_rows(folder: Path, maker: RolloutMaker) -> list[Row]:
    """Return the bytes of a rollout whose logprobs are stored as float16."""
    side, steps = Ours(folder, logprob_dtype="float16"), 4
    for step in range(steps):
        side.append(maker.table(step), step)
    size = _size(folder) / (steps * maker.table(0).height)
    return [compare("a stored rollout, logprobs as float16", "bytes", [size], goal=HALF_BYTES)]


def opening_rows(folder: Path, segments: int, reads: int) -> list[Row]:
    """Return what opening a store of many small segments takes."""
    table = RolloutMaker(prompts=1).table(0)
    with RolloutStore.open(folder, run_id="bench") as store:
        for step in range(segments):
            store.append(table, step)

    def write() -> None:
        RolloutStore.open(folder, run_id="bench").close()

    calls = {
        "for reading, and counting its rollouts": lambda: _count(folder, segments * table.height),
        "for writing": write,
        "and checking names, footers and log": lambda: _check(folder, segments, deep=False),
    }
    taken = interleave({what: partial(measure, call) for what, call in calls.items()}, min(reads, 7))
    title = f"opening {segments:,} segments"
    return [compare(f"{title} {what}", "s", [one.wall_s for one in taken[what][1:]], goal=OPEN_S) for what in calls]


def check_rows(folder: Path, reads: int) -> list[Row]:
    """Return how fast every byte of a store is checked."""
    size = sum(file.stat().st_size for file in folder.glob("run=*/*.parquet"))
    segments = len(RolloutStore.open(folder).segments())
    rates = [size / 1e9 / measure(lambda: _check(folder, segments, deep=True)).wall_s for _ in range(reads)]
    return [compare("checking every byte", "GB/s", rates[1:], better="higher", goal=CHECK_GB_S)]


def process_rows(folder: Path, maker: RolloutMaker, *, is_quick: bool) -> list[Row]:
    """Return what appends of fresh processes take: memory of one, time of four at once."""
    repeats, steps = (1, 2) if is_quick else (5, 10)
    folder.mkdir()
    files = [folder / f"{step}.arrow" for step in range(4 * steps)]
    for step, file in enumerate(files):
        maker.table(step).write_ipc(file)
    extra: dict[str, list[float]] = {OURS: [], PYARROW: []}
    four, one = [], []
    for repeat in range(repeats):
        for side, found in extra.items():
            done = appended_by([(side, folder / f"{side}-{repeat}", "w0", files[:steps])])
            found += [answer["extra_mb"] for answer in done if answer["extra_mb"] is not None]
        shares = [(OURS, folder / f"four-{repeat}", f"w{at}", files[at::4]) for at in range(4)]
        four.append(max(answer["wall_s"] for answer in appended_by(shares)))
        one.append(appended_by([(OURS, folder / f"one-{repeat}", "w0", files)])[0]["wall_s"])
        found_segments = len(RolloutStore.open(folder / f"four-{repeat}").segments())
        if found_segments != 4 * steps:
            raise SystemExit(f"{found_segments} of {4 * steps} appends are stored")
    title = f"{4 * steps} appends by four writers at once"
    rows = [compare(title, "s", four, one, peer_name="one writer, the same appends", goal=WRITERS_RATIO)]
    if not (extra[OURS] and extra[PYARROW]):
        return rows
    memory = "memory of appends beyond the rollouts"
    rows.append(compare(memory, "MB", extra[OURS], goal=EXTRA_MB))
    return [*rows, compare(memory, "MB", extra[OURS], extra[PYARROW], peer_name=_peer_name(PYARROW))]


def _beside(
    sides: dict[str, Side], what: str, unit: str, values: dict[str, list[float]], goals: dict[str, float] | None = None
) -> list[Row]:
    """Return one row for each peer."""
    peers = [name for name in sides if name != OURS]
    return [
        compare(what, unit, values[OURS], values[peer], peer_name=_peer_name(peer), goal=(goals or {}).get(peer))
        for peer in peers
    ]


def _peer_name(side: str) -> str:
    return str(getattr(SIDES[side], "name", side))


def _count(folder: Path, expected: int) -> None:
    found = RolloutStore.open(folder).scan().select(pl.len()).collect().item()
    if found != expected:
        raise SystemExit(f"{found} rollouts are stored, expected {expected}")


def _check(folder: Path, segments: int, *, deep: bool) -> None:
    report = RolloutStore.open(folder).check(deep=deep)
    if not report.ok or report.segments != segments:
        raise SystemExit(f"the check found {report}")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
