"""What a dpo run says while its ranks train: the lines that rank 0 writes to metrics.jsonl, shown as they come."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twogrpo.monitor import Console

__all__ = ["Progress"]


class Progress:
    """Follows metrics.jsonl from its present end on.

    Args:
        metrics: The file, which may not be there yet.
        total: Optimizer steps of the whole run.
        console: Where progress goes.
    """

    def __init__(self, metrics: Path, total: int, console: "Console") -> None:
        self._metrics = metrics
        self._total = total
        self._console = console
        self._read = metrics.stat().st_size if metrics.exists() else 0

    def show(self) -> None:
        """Show the steps that were finished since the last call."""
        if not self._metrics.exists():
            return
        with self._metrics.open("rb") as file:
            file.seek(self._read)
            for line in file:
                # Rank 0 may be in the middle of its last one.
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                row = json.loads(line)
                self._console.step(row["step"] + 1, self._total, _figures(row), "dpo")


def _figures(row: dict[str, Any]) -> dict[str, str]:
    return {
        "loss": f"{row['loss']:.4f}",
        "accuracy": f"{row['accuracy']:.2f}",
        "margin": f"{row['margin']:.2f}",
        "pairs": str(row["pairs"]),
        "train": f"{row['train_s']:.2f} s",
    }
