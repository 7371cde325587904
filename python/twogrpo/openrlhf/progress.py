"""Progress of a run whose steps are made in other processes: it follows the lines of metrics that they write."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twogrpo.train.replay import replay_figures
from twogrpo.train.statistics import step_figures

if TYPE_CHECKING:
    from twogrpo.monitor import Console

__all__ = ["following"]

INTERVAL_S = 0.5


@contextmanager
def following(
    metrics: Path,
    console: "Console",
    total: int,
    *,
    title: str = "online",
    figures: Callable[[dict[str, Any]], dict[str, str]] = step_figures,
) -> Iterator[None]:
    """Print every step and evaluation that is written while what runs inside goes on.

    Args:
        metrics: metrics.jsonl; what stands in it already is not printed.
        console: Where to print.
        total: Steps of the whole run.
        title: What a step is called.
        figures: What is shown of it.
    """
    show = partial(_show, console=console, total=total, title=title, figures=figures)
    seen = metrics.stat().st_size if metrics.exists() else 0
    stopped = threading.Event()
    thread = threading.Thread(target=_follow, args=(metrics, seen, show, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _follow(metrics: Path, seen: int, show: Callable[[dict[str, Any]], None], stopped: threading.Event) -> None:
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
                show(json.loads(line))
        if is_last:
            return


def _show(
    row: dict[str, Any],
    *,
    console: "Console",
    total: int,
    title: str,
    figures: Callable[[dict[str, Any]], dict[str, str]],
) -> None:
    if row["kind"] == "train":
        console.step(row["step"] + 1, total, figures(row), title)
    elif row["kind"] == "replay":
        console.step(row["step"] + 1, total, replay_figures(row), "replay")
    else:
        scores = {name: f"{value:.3f}" for name, value in row.items() if "_at_" in name and isinstance(value, float)}
        console.note(f"after step {row['step']}: " + "  ".join(f"{name} {value}" for name, value in scores.items()))
