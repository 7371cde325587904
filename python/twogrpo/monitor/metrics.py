"""metrics.jsonl: one JSON object a line, `kind` train or eval, in the order of the steps."""

import json
import math
import os
from pathlib import Path
from typing import Any

from twogrpo.errors import DataError

__all__ = ["MetricsLog"]


class MetricsLog:
    """An append-only file of metrics, cut back to the checkpoint when a run is resumed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep_before(self, step: int) -> None:
        """Drop every line of step `step` and later, and a line that a killed process left half written."""
        if not self.path.exists():
            return
        lines = [line for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        kept = [line for line in lines if json.loads(line)["step"] < step]
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text("".join(kept))
        os.replace(temporary, self.path)  # noqa: PTH105  # Path.replace returns a path nobody needs

    def append(self, metrics: dict[str, Any]) -> None:
        """Write one line. A number that is not finite is written as null, which JSON can hold."""
        with self.path.open("a") as file:
            file.write(json.dumps({key: _finite(value) for key, value in metrics.items()}) + "\n")

    def read(self, kind: str) -> list[dict[str, Any]]:
        """Return every line of one kind.

        Raises:
            DataError: A line is not JSON.
        """
        rows: list[dict[str, Any]] = []
        if not self.path.exists():
            return rows
        for number, line in enumerate(self.path.read_text().splitlines(), start=1):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise DataError(f"{self.path}:{number}: not a line of JSON: {error}") from error
        return [row for row in rows if row["kind"] == kind]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
