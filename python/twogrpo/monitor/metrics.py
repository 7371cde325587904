"""metrics.jsonl: one JSON object a line, `kind` train, replay or eval, in the order of the steps."""

import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twogrpo.errors import DataError

__all__ = ["MetricsLog"]


class MetricsLog:
    """An append-only file of metrics, cut back to the checkpoint when a run is resumed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep_before(self, step: int, *, and_evaluation: bool = False) -> None:
        """Drop every line of step `step` and later, and what a killed process or a power loss has left at the end.

        Args:
            step: The first step to drop.
            and_evaluation: Keep the evaluation of that step, which was made before the step itself.

        Raises:
            DataError: A line that is not the last readable one cannot be read.
        """
        if not self.path.exists():
            return
        lines = [line for line in self.path.read_bytes().split(b"\n") if line.strip()]
        while lines and not _is_whole(lines[-1]):
            lines.pop()
        rows = list(self._rows(lines))
        is_kept = [row["step"] < step or (and_evaluation and _is_evaluation(row, step)) for row in rows]
        kept = [line + b"\n" for line, keep in zip(lines, is_kept, strict=True) if keep]
        temporary = self.path.with_suffix(".tmp")
        temporary.write_bytes(b"".join(kept))
        os.replace(temporary, self.path)  # noqa: PTH105  # Path.replace returns a path nobody needs

    def has_evaluation(self, step: int) -> bool:
        """Return whether there is the line of an evaluation after so many steps; an unreadable line is none."""
        if not self.path.exists():
            return False
        lines = (line for line in self.path.read_bytes().split(b"\n") if _is_whole(line))
        return any(_is_evaluation(json.loads(line), step) for line in lines)

    def append(self, metrics: dict[str, Any]) -> None:
        """Write one line. A number that is not finite is written as null, which JSON can hold."""
        with self.path.open("a") as file:
            file.write(json.dumps({key: _finite(value) for key, value in metrics.items()}) + "\n")

    def read(self, kind: str) -> list[dict[str, Any]]:
        """Return every line of one kind.

        Raises:
            DataError: A line cannot be read.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().splitlines()
        return [row for row in self._rows(lines) if row["kind"] == kind]

    def _rows(self, lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines, start=1):
            if not _is_whole(line):
                raise DataError(
                    f"{self.path}, line {number}: not a line of metrics; take it out, then go on with --resume"
                )
            yield json.loads(line)


def _is_whole(line: bytes) -> bool:
    """Return whether a line is one that `append` has written."""
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return isinstance(row, dict) and isinstance(row.get("kind"), str) and type(row.get("step")) is int


def _is_evaluation(row: dict[str, Any], step: int) -> bool:
    return bool(row["kind"] == "eval" and row["step"] == step)


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
