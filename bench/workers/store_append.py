"""A process that appends the steps it is told, beginning when a line comes in, and says what they took.

    python bench/workers/store_append.py SIDE FOLDER WRITER TABLE...

Its answer is a line of JSON: wall and CPU seconds, and by how many MB the memory in use grew at the most, where the
system tells (Linux); the rows themselves are there before.
"""

import json
import re
import sys
import time
from io import BytesIO
from pathlib import Path

import polars as pl

from workers.store_sides import OURS, SIDES, Ours

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main() -> None:
    """Read the tables, wait, append, answer."""
    name, folder, writer, *files = sys.argv[1:]
    side = Ours(Path(folder), writer) if name == OURS else SIDES[name](Path(folder))
    steps = [int(Path(file).stem) for file in files]
    # Read, not mapped: pages of a file would count as memory when they are touched.
    tables = [pl.read_ipc(BytesIO(Path(file).read_bytes())) for file in files]
    prepared = [side.prepare(table, step) for table, step in zip(tables, steps, strict=True)]
    print("ready", flush=True)
    sys.stdin.readline()
    before = start_watching_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    for step, table in zip(steps, prepared, strict=True):
        side.append(table, step)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    extra = None if before is None else memory("VmHWM") - before
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "extra_mb": extra}), flush=True)


def start_watching_memory() -> float | None:
    """Return the memory in use, from where the highest is watched; None where the system does not tell."""
    try:
        RESET.write_text("5")
    except OSError:
        return None
    return memory("VmRSS")


def memory(kind: str) -> float:
    """Return this process's memory of one kind, in MB (1e6 bytes)."""
    found = re.search(rf"^{kind}:\s+(\d+) kB", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        sys.exit(f"{STATUS} says nothing about {kind}")
    return int(found[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
