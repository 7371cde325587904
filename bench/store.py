"""Durable appends of rollouts, and reading them back, beside tuned pyarrow and the JSONL that trainers dump.

Each append of 512 rollouts ends on the disk on every side: ours is append and flush; pyarrow writes a temporary file,
syncs it, renames it, syncs the folder and syncs a line of a log; JSONL appends to one file and syncs it. Both peers are
handed the columns that our store derives, and JSONL its rows as dictionaries, so that neither pays for making them.
What the disk alone takes for as many bytes is measured beside them.

    python bench/store.py [--quick] [--json]
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

import polars as pl
import pyarrow as pa
from pyarrow import compute, dataset, parquet

from harness import REPOSITORY, Row, Timing, add_options, compare, interleave, measure, publish
from twogrpo import RolloutStore
from workers.rollouts import RolloutMaker

PYARROW = f"pyarrow {pa.__version__}, zstd 1, same durability"
JSONL = "JSONL with fsync, read by polars"
WARM_UP_STEPS = 2
# STORE's goals: bounds in ms and bytes; CPU time at most that of pyarrow.
APPEND_MS, BLOCKED_MS, ROLLOUT_BYTES, PROJECTION_MS, GROUP_MS = 25.0, 2.0, 3905.0, 15.0, 20.0
SEGMENT_BYTES = 512 * 4000
PROJECTION = ("step", "reward")
# Dictionaries serve everything but long text and numbers that hardly repeat.
PLAIN = ("response", "logprobs.list.element")


class Appended(NamedTuple):
    """What one durable append took, and how long it held up its caller, who goes on while ours still writes."""

    timing: Timing
    blocked_s: float


def main() -> None:
    """Measure, print and keep."""
    options = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])).parse_args()
    steps, reads = (4, 3) if options.quick else (40, 15)
    # On the disk of the checkout: where temporary files live in memory, a sync would cost nothing.
    place = REPOSITORY / "runs" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="store-", dir=place) as name:
        folder = Path(name)
        sides = Sides(folder)
        before = os.getloadavg()[0]
        appended = interleave({side: getattr(sides, side) for side in ("ours", "pyarrow", "jsonl", "disk")}, steps)
        sides.close()
        rollouts = sides.rollouts
        sizes = {side: [_size(folder / side) / rollouts] for side in ("ours", "pyarrow", "jsonl")}
        projected = interleave(_projections(folder), reads)
        grouped = interleave(_groups(folder, group_id=rollouts // 4), reads)
    rows = _append_rows(appended, sizes) + _read_rows("two columns", projected, rollouts, PROJECTION_MS)
    rows += _read_rows("one group, every column", grouped, rollouts, GROUP_MS)
    details = {"segments": steps, "rollouts": rollouts, "load_average": [before, os.getloadavg()[0]]}
    publish("store", rows, options, packages=("numpy",), details=details)


class Sides:
    """The three stores, each with its own next step."""

    def __init__(self, folder: Path) -> None:
        self._store = RolloutStore.open(folder / "ours", run_id="bench")
        self._pyarrow, self._jsonl, self._disk = (folder / side for side in ("pyarrow", "jsonl", "disk"))
        for made in (self._pyarrow, self._jsonl, self._disk):
            made.mkdir()
        self._maker = RolloutMaker()
        self._steps = {"ours": 0, "pyarrow": 0, "jsonl": 0, "disk": 0}
        self._noise = os.urandom(SEGMENT_BYTES)
        self.rollouts = 0
        # Kept for the step that is under way, as all sides append the same one.
        self._table = lru_cache(maxsize=1)(self._maker.table)
        self._full_table = lru_cache(maxsize=1)(self._with_derived)

    def ours(self) -> Appended:
        """Append and flush."""
        step = self._next("ours")
        table = self._table(step)
        self.rollouts += len(table)
        blocked: list[float] = []

        def run() -> None:
            started = time.perf_counter()
            self._store.append(table, step)
            blocked.append(time.perf_counter() - started)
            self._store.flush()

        return Appended(measure(run), blocked[0])

    def pyarrow(self) -> Appended:
        """Write a segment in the same steps as ours."""
        step = self._next("pyarrow")
        table = self._full_table(step).to_arrow(compat_level=pl.CompatLevel.oldest())
        timing = measure(lambda: _write_segment(table, self._pyarrow, step))
        return Appended(timing, timing.wall_s)

    def jsonl(self) -> Appended:
        """Append lines."""
        step = self._next("jsonl")
        rows = self._full_table(step).drop("created_at").to_dicts()
        timing = measure(lambda: _append_lines(rows, self._jsonl / "rollouts.jsonl"))
        return Appended(timing, timing.wall_s)

    def disk(self) -> Appended:
        """Write as many bytes as a segment has, in the same steps."""
        step = self._next("disk")
        timing = measure(lambda: _commit(self._disk, step, lambda file: file.write(self._noise), rows=0))
        return Appended(timing, timing.wall_s)

    def close(self) -> None:
        """End our writer."""
        self._store.close()

    def _next(self, side: str) -> int:
        step = self._steps[side]
        self._steps[side] += 1
        return step

    def _with_derived(self, step: int) -> pl.DataFrame:
        """Return the rows with what our store adds to them."""
        import twogrpo._core as core

        table = self._table(step)
        ids = [core.prompt_id("numina-math", prompt) for prompt in table["prompt"]]
        number = pl.int_range(pl.len(), dtype=pl.Int64)
        return table.with_columns(
            run_id=pl.lit("bench"),
            writer=pl.lit("w0"),
            phase=pl.lit("train"),
            attempt=pl.lit(1, pl.Int16),
            step=pl.lit(step, pl.Int32),
            rollout_id=(number + step * table.height).hash(seed=0).reinterpret(signed=True),
            prompt_id=pl.Series(ids),
            logprob_sum=pl.col("logprobs").cast(pl.List(pl.Float64)).list.sum(),
            prompt_len=pl.col("prompt_ids").list.len().cast(pl.Int32),
            response_len=pl.col("response_ids").list.len().cast(pl.Int32),
            created_at=pl.lit("2026-01-01").str.to_datetime(time_zone="UTC"),
        )


def _write_segment(table: pa.Table, folder: Path, step: int) -> None:
    names = [field.name for field in table.schema]
    leaves = [f"{name}.list.element" if name in {"prompt_ids", "response_ids", "logprobs"} else name for name in names]
    is_text = {field.name for field in table.schema if pa.types.is_large_string(field.type)}
    settings: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [leaf for leaf in leaves if leaf not in PLAIN],
        "use_byte_stream_split": ["logprobs.list.element"],
        "write_statistics": [leaf for leaf in leaves if leaf not in is_text],
    }
    _commit(folder, step, lambda file: parquet.write_table(table, file, **settings), rows=table.num_rows)


def _commit(folder: Path, step: int, write: Callable[[IO[bytes]], object], *, rows: int) -> None:
    """Write a file that is on the disk, name, log line and all, when this returns."""
    temporary, final = folder / f".{step}.tmp", folder / f"step-{step:08}.parquet"
    with temporary.open("xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(final)
    _sync_folder(folder)
    with (folder / "log").open("a") as log:
        log.write(json.dumps({"file": final.name, "rows": rows, "bytes": final.stat().st_size}) + "\n")
        log.flush()
        os.fsync(log.fileno())


def _append_lines(rows: list[dict[str, Any]], path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _projections(folder: Path) -> dict[str, Callable[[], Timing]]:
    """Return how each side reads two columns of everything."""
    return {
        "ours": lambda: measure(lambda: RolloutStore.open(folder / "ours").scan().select(PROJECTION).collect()),
        "pyarrow": lambda: measure(lambda: _dataset(folder).to_table(columns=list(PROJECTION))),
        "jsonl": lambda: measure(lambda: _lines(folder).select(PROJECTION).collect()),
    }


def _groups(folder: Path, group_id: int) -> dict[str, Callable[[], Timing]]:
    """Return how each side reads the two rollouts of a group."""
    is_wanted = pl.col("group_id") == group_id
    wanted = compute.field("group_id") == group_id
    return {
        "ours": lambda: measure(lambda: _two(RolloutStore.open(folder / "ours").scan().filter(is_wanted).collect())),
        "pyarrow": lambda: measure(lambda: _two(_dataset(folder).to_table(filter=wanted))),
        "jsonl": lambda: measure(lambda: _two(_lines(folder).filter(is_wanted).collect())),
    }


def _two(found: "pl.DataFrame | pa.Table") -> None:
    if len(found) != 2:
        raise SystemExit(f"a group of {len(found)} rollouts was read, expected 2")


def _dataset(folder: Path) -> dataset.Dataset:
    return dataset.dataset(sorted(str(file) for file in (folder / "pyarrow").glob("*.parquet")))


def _lines(folder: Path) -> pl.LazyFrame:
    return pl.scan_ndjson(folder / "jsonl" / "rollouts.jsonl")


def _append_rows(appended: dict[str, list[Appended]], sizes: dict[str, list[float]]) -> list[Row]:
    measured = {side: results[WARM_UP_STEPS:] for side, results in appended.items()}
    wall = {side: [1000 * one.timing.wall_s for one in results] for side, results in measured.items()}
    cpu = {side: [1000 * one.timing.cpu_s for one in results] for side, results in measured.items()}
    blocked = [1000 * one.blocked_s for one in measured["ours"]]
    what = "durable append of 512 rollouts"
    return [
        compare(what, "ms", wall["ours"], goal=APPEND_MS),
        compare(what, "ms", wall["ours"], wall["pyarrow"], peer_name=PYARROW),
        compare(what, "ms", wall["ours"], wall["jsonl"], peer_name=JSONL),
        compare(what, "CPU-ms", cpu["ours"], cpu["pyarrow"], peer_name=PYARROW, goal=1.0),
        compare(what, "CPU-ms", cpu["ours"], cpu["jsonl"], peer_name=JSONL),
        compare("the caller of an append waits", "ms", blocked, goal=BLOCKED_MS),
        compare("the disk alone, 2 MB in the same steps", "ms", wall["disk"]),
        compare("a stored rollout", "bytes", sizes["ours"], goal=ROLLOUT_BYTES),
        compare("a stored rollout", "bytes", sizes["ours"], sizes["pyarrow"], peer_name=PYARROW),
        compare("a stored rollout", "bytes", sizes["ours"], sizes["jsonl"], peer_name=JSONL),
    ]


def _read_rows(what: str, taken: dict[str, list[Timing]], rollouts: int, goal: float) -> list[Row]:
    # The first round warms up.
    wall = {side: [1000 * timing.wall_s for timing in results[1:]] for side, results in taken.items()}
    cpu = {side: [1000 * timing.cpu_s for timing in results[1:]] for side, results in taken.items()}
    what = f"reading {what} of {rollouts:,} rollouts"
    return [
        compare(what, "ms", wall["ours"], goal=goal),
        compare(what, "ms", wall["ours"], wall["pyarrow"], peer_name=PYARROW),
        compare(what, "CPU-ms", cpu["ours"], cpu["pyarrow"], peer_name=PYARROW),
        compare(what, "ms", wall["ours"], wall["jsonl"], peer_name=JSONL),
    ]


if __name__ == "__main__":
    main()
