"""Start-up: what `twogrpo --help` and `twogrpo verify` on one answer take where only the base install is.

The bench makes its environments itself: one with the wheel and its base dependencies, without torch, and one with
math-verify, which judges the same answer. Every start is a process of its own, warm and in turns; the cold starts have
the environment's files dropped from the page cache.

    python bench/startup.py [--wheel FILE] [--quick] [--json]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from harness import REPOSITORY, Row, Timing, add_options, compare, interleave, publish

PEER = "math-verify==0.9.0"
GOAL_S = 0.5
COLD = ("help", "verify")
ANSWER, GOLD = r"so it is \boxed{\frac12}", "0.5"
JUDGES = f"from math_verify import parse, verify; assert verify(parse({GOLD!r}), parse({ANSWER!r}))"
LIBRARIES = "import typer, rich, pydantic; pydantic.BaseModel"
IS_CLEAN = "import importlib.util as u; assert not any(map(u.find_spec, ('torch', 'transformers', 'numpy')))"


def main() -> None:
    """Run the bench, print its table, and keep its result."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--wheel", type=Path, help="the wheel to install; built in the profile of release if missing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel or build(Path(folder) / "wheel")
        ours = environment(Path(folder) / "ours", str(wheel))
        peer = environment(Path(folder) / "peer", PEER)
        subprocess.run([str(ours / "python"), "-I", "-c", IS_CLEAN], check=True)
        commands = sides(ours, peer)
        starts = {name: partial(start, command) for name, command in commands.items()}
        # The first round warms up.
        warm = {name: taken[1:] for name, taken in interleave(starts, 4 if options.quick else 42).items()}
        cold = {name: list(cold_starts(commands[name], ours.parent, 2 if options.quick else 9)) for name in COLD}
    # Wall times say little without what else the machine had to do.
    details = {"load_average": os.getloadavg()[0], "niceness": os.nice(0)}
    publish("startup", rows_of(warm, cold), options, packages=("pydantic", "typer", "rich"), details=details)


def sides(ours: Path, peer: Path) -> dict[str, list[str]]:
    """Return the commands to start, by name."""
    python, program = str(ours / "python"), str(ours / "twogrpo")
    return {
        "help": [program, "--help"],
        "verify": [program, "verify", ANSWER, "--gold", GOLD],
        "import": [python, "-c", "import twogrpo"],
        "math_verify": [str(peer / "python"), "-c", JUDGES],
        "libraries": [python, "-c", LIBRARIES],
        "interpreter": [python, "-c", "pass"],
    }


def build(folder: Path) -> Path:
    """Return a wheel of this checkout."""
    command = [sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(folder)]
    subprocess.run(command, check=True, cwd=REPOSITORY, env={**os.environ, "CARGO_TARGET_DIR": "target"})
    (wheel,) = folder.iterdir()
    return wheel


def environment(folder: Path, package: str) -> Path:
    """Make a fresh environment with one package and what it declares; return the folder of its programs."""
    venv.create(folder, with_pip=True)
    subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", package], check=True)
    return folder / "bin"


def start(command: Sequence[str]) -> Timing:
    """Return what a process takes from its start to its end."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=clean_variables(), cwd="/")
    wall_s, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Timing(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s)


def clean_variables() -> dict[str, str]:
    """Return the variables of this process without those that change how Python starts."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def cold_starts(command: Sequence[str], place: Path, repeats: int) -> Iterator[Timing]:
    """Yield starts before each of which the environment's files are dropped from the page cache; none off Linux."""
    if not hasattr(os, "posix_fadvise"):
        return
    os.sync()
    for _ in range(repeats):
        for path in place.rglob("*"):
            if path.is_file():
                drop(path)
        yield start(command)


def drop(path: Path) -> None:
    """Ask the system to forget a file's pages."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def rows_of(warm: Mapping[str, Sequence[Timing]], cold: Mapping[str, Sequence[Timing]]) -> list[Row]:
    """Return the table's rows: wall times with the goal, CPU times beside what else a user would start."""
    wall = {name: [timing.wall_s for timing in timings] for name, timings in warm.items()}
    cpu = {name: [timing.cpu_s for timing in timings] for name, timings in warm.items()}
    texts = {"help": "twogrpo --help", "verify": "twogrpo verify, one answer", "import": "import twogrpo"}
    rows = [compare(texts[name], "s", wall[name], goal=GOAL_S) for name in ("help", "verify")]
    rows += [
        compare(f"{texts[name]}, cold", "s", [timing.wall_s for timing in timings])
        for name, timings in cold.items()
        if timings
    ]
    rows += [
        compare(texts["verify"], "s", wall["verify"], wall["math_verify"], peer_name=f"{PEER}, in Python"),
        compare(texts["verify"], "CPU-s", cpu["verify"], cpu["math_verify"], peer_name=f"{PEER}, in Python"),
        compare(texts["help"], "CPU-s", cpu["help"], cpu["libraries"], peer_name=LIBRARIES),
        compare(texts["import"], "CPU-s", cpu["import"]),
        compare("python -c pass, the floor", "CPU-s", cpu["interpreter"]),
    ]
    return rows


if __name__ == "__main__":
    main()
