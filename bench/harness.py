"""What every bench shares: its options, interleaved timing, rows of results, and how they are printed and kept.

A bench measures the thing that a user would otherwise run beside ours, in one run and in turns, so that both sides
meet the same machine. It ends with `publish`. Nothing here knows what is measured.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

__all__ = [
    "Row",
    "Spread",
    "Timing",
    "Worker",
    "add_options",
    "compare",
    "interleave",
    "machine",
    "measure",
    "peak_memory_mb",
    "publish",
]

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "bench" / "results"
Result = TypeVar("Result")
PACKAGES = ("twogrpo", "torch", "transformers", "polars", "pyarrow")


def add_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the parser with the options that every bench has."""
    parser.add_argument("--quick", action="store_true", help="fewer repeats; shows that it runs, keeps no result")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON, tables go to stderr")
    return parser


@dataclass(frozen=True)
class Timing:
    """What one repeat took, in seconds of this process and of the clock."""

    cpu_s: float
    wall_s: float


def measure(function: Callable[[], object]) -> Timing:
    """Return the CPU and wall time of one call, in this process and all its threads."""
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return Timing(time.process_time() - cpu, time.perf_counter() - wall)


def interleave(sides: Mapping[str, Callable[[], Result]], repeats: int) -> dict[str, list[Result]]:
    """Return the results of each side, run in turns; every second round in reverse order.

    Args:
        sides: What to call, by name.
        repeats: Rounds; each side is called once in each.
    """
    results: dict[str, list[Result]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name in list(sides)[:: -1 if repeat % 2 else 1]:
            results[name].append(sides[name]())
    return results


class Worker:
    """A process that takes one step a turn, as `workers/turns.py` has it.

    Args:
        command: What to start.
        log: Where its stderr goes.
        environment: Its environment.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"), text=True, env=environment
        )

    def __enter__(self) -> Self:
        """Return the worker; it is ended on leaving."""
        return self

    def __exit__(self, *_raised: object) -> None:
        self._process.kill()
        self._process.wait()

    def step(self) -> dict[str, float]:
        """Return what the worker's next step took.

        Raises:
            SystemExit: The worker has failed; the end of its log is shown.
        """
        if self._process.stdin is None or self._process.stdout is None:
            sys.exit("the worker has no pipes")
        try:
            print(file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self._fail()
        line = self._process.stdout.readline()
        if not line:
            self._fail()
        report: dict[str, float] = json.loads(line)
        return report

    def _fail(self) -> None:
        sys.exit(f"a worker ended early:\n{self._log.read_text(encoding='utf-8')[-2000:]}")


@dataclass(frozen=True)
class Spread:
    """The smallest, middle and largest of several measurements."""

    minimum: float
    median: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of at least one value."""
        return cls(min(values), statistics.median(values), max(values))


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes:
        what: The quantity, in words.
        unit: Its unit.
        ours: Median of our side.
        peer: Median of the peer, or None where there is none.
        peer_name: The peer with its version.
        ratio: How many times better ours is: above 1 is in our favour, whichever way the quantity points.
        goal: Least ratio aimed for (without a peer: bound on `ours`), set before measuring; None for a mere fact.
        holds: Whether the goal is met; None without a goal.
        ours_range: Smallest and largest of our side.
        peer_range: Smallest and largest of the peer.
    """

    what: str
    unit: str
    ours: float
    peer: float | None
    peer_name: str | None
    ratio: float | None
    goal: float | None
    holds: bool | None
    ours_range: tuple[float, float]
    peer_range: tuple[float, float] | None


def compare(
    what: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float] | None = None,
    *,
    peer_name: str | None = None,
    better: Literal["lower", "higher"] = "lower",
    goal: float | None = None,
) -> Row:
    """Return the row of a quantity measured several times.

    Args:
        what: The quantity, in words.
        unit: Its unit.
        ours: Our measurements, at least one.
        peer: The peer's, if there is one to compare with.
        peer_name: The peer with its version.
        better: Which way the quantity points.
        goal: Least ratio aimed for; without a peer, the bound on the median of ours.
    """
    mine = Spread.of(ours)
    theirs = Spread.of(peer) if peer else None
    ratio = None
    if theirs is not None:
        ratio = theirs.median / mine.median if better == "lower" else mine.median / theirs.median
    return Row(
        what=what,
        unit=unit,
        ours=mine.median,
        peer=None if theirs is None else theirs.median,
        peer_name=peer_name,
        ratio=ratio,
        goal=goal,
        holds=_holds(mine.median, ratio, goal, better),
        ours_range=(mine.minimum, mine.maximum),
        peer_range=None if theirs is None else (theirs.minimum, theirs.maximum),
    )


def _holds(ours: float, ratio: float | None, goal: float | None, better: str) -> bool | None:
    if goal is None:
        return None
    if ratio is not None:
        return ratio >= goal
    return ours <= goal if better == "lower" else ours >= goal


def peak_memory_mb() -> float:
    """Return the most memory that this process has held, in MB (1e6 bytes)."""
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes / 1e6


def machine(packages: Sequence[str] = PACKAGES) -> dict[str, Any]:
    """Return the facts without which a number says nothing: commit, versions, processor."""
    return {
        "commit": _git("rev-parse", "--short=12", "HEAD") or None,
        "is_modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in packages}},
        "cpu": f"{_cpu_model()}, {os.cpu_count()} cores visible",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def publish(
    name: str,
    rows: Sequence[Row],
    options: argparse.Namespace,
    *,
    packages: Sequence[str] = (),
    details: Mapping[str, Any] | None = None,
) -> None:
    """Print the rows, and keep them in `bench/results/NAME.json` unless the run was a quick one.

    Args:
        name: The bench's name.
        rows: Its results.
        options: What `add_options` has parsed.
        packages: Further packages whose versions matter.
        details: What else the result file is to say, such as settings and raw measurements.
    """
    report = {
        "bench": name,
        "rows": [asdict(row) for row in rows],
        **machine((*PACKAGES, *packages)),
        "is_quick": options.quick,
        "details": dict(details or {}),
    }
    stream = sys.stderr if options.json else sys.stdout
    for line in _table(rows):
        print(line, file=stream)
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{name}.json"
        path.write_text(json.dumps(_rounded(report), indent=2) + "\n", encoding="utf-8")
        print(f"kept in {path.relative_to(REPOSITORY)}", file=stream)
    if options.json:
        print(json.dumps(_rounded(report)))


def _table(rows: Sequence[Row]) -> list[str]:
    width = max(len(f"{row.what}, {row.unit}") for row in rows)
    lines = [f"{'':<{width}}  {'ours: min/median/max':>27}  {'peer: min/median/max':>27}  {'ratio':>7}  goal"]
    for row in rows:
        ours = _spread_text(row.ours, row.ours_range)
        peer = "" if row.peer is None or row.peer_range is None else _spread_text(row.peer, row.peer_range)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        goal = "" if row.goal is None else f"{row.goal:g} {'holds' if row.holds else 'MISSED'}"
        lines.append(f"{f'{row.what}, {row.unit}':<{width}}  {ours:>27}  {peer:>27}  {ratio:>7}  {goal}")
    peers = sorted({row.peer_name for row in rows if row.peer_name})
    return [*lines, *(f"peer: {peer}" for peer in peers)]


def _spread_text(median: float, ends: tuple[float, float]) -> str:
    return "/".join(_figure(value) for value in (ends[0], median, ends[1]))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rounded(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607  # git of the path
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
