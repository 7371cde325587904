"""Progress of a run whose steps are made in other processes: it follows the lines of metrics that they write."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.train.replay import replay_figures
from twogrpo.train.statistics import step_figures

if TYPE_CHECKING:
    from twogrpo.monitor import Console

__all__ = ["following"]

INTERVAL_S = 0.5


@contextmanager
def following(metrics: Path, console: "Console", total: int) -> Iterator[None]:
    """Print every step and evaluation that is written while what runs inside goes on.

    Args:
        metrics: metrics.jsonl; what stands in it already is not printed.
        console: Where to print.
        total: Steps of the whole run.
    """
    seen = metrics.stat().st_size if metrics.exists() else 0
    stopped = threading.Event()
    thread = threading.Thread(target=_follow, args=(metrics, seen, console, total, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _follow(metrics: Path, seen: int, console: "Console", total: int, stopped: threading.Event) -> None:
    while True:
        # Asked before reading, so that what was written last is read.
        is_last = stopped.wait(INTERVAL_S)
        if metrics.exists():
            with metrics.open("rb") as file:
                file.seek(seen)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            seen += len(whole)
            for line in whole.splitlines():
                _print(json.loads(line), console, total)
        if is_last:
            return


def _print(row: dict[str, object], console: "Console", total: int) -> None:
    if row["kind"] == "train":
        console.step(int(str(row["step"])) + 1, total, step_figures(row), "online")
    elif row["kind"] == "replay":
        console.step(int(str(row["step"])) + 1, total, replay_figures(row), "replay")
    else:
        scores = {name: f"{value:.3f}" for name, value in row.items() if "_at_" in name and isinstance(value, float)}
        console.note(f"after step {row['step']}: " + "  ".join(f"{name} {value}" for name, value in scores.items()))
