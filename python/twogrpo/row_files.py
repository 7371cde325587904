"""Files of rows, JSONL or Parquet: each row with its place in the file, so that an error can name it.

JSON lines are read one by one, so that an error can name the line; a data frame reader would only name the file.
"""

import codecs
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twogrpo.errors import ConfigError, DataError

__all__ = ["STREAM", "Row", "checked_text", "kind_of", "read_rows", "text_of"]

# So few rows of Parquet are in memory at once; a response may be megabytes long.
_PARQUET_ROWS = 4096

STREAM = "-"
"""Names stdin or stdout instead of a file."""


@dataclass(frozen=True)
class Row:
    """One row of a file."""

    place: str
    """File and place in it, such as `rows.jsonl, line 3`, counted from 1."""
    values: Mapping[str, Any]


def read_rows(source: str | Path) -> Iterator[Row]:
    """Yield the rows of a .jsonl or .parquet file, or JSON lines from stdin where the source is `-`.

    They are read as they are asked for, so a file may be larger than memory.

    Raises:
        ConfigError: If the file is of another kind.
        DataError: If the file is missing or unreadable, or a line is not UTF-8, not JSON or no object.
    """
    if str(source) == STREAM:
        return _json_rows("stdin", sys.stdin.buffer)
    path = Path(source)
    readers = {".jsonl": _jsonl_file, ".parquet": _parquet_file}
    if path.suffix not in readers:
        raise ConfigError(f"{path} ends in {path.suffix!r}; rows are read from .jsonl and .parquet files")
    if not path.is_file():
        raise DataError(
            f"{path} is not a file; expected a .jsonl or .parquet file, relative paths start at {Path.cwd()}"
        )
    return readers[path.suffix](path)


def text_of(row: Row, column: str) -> str:
    """Return a column that has to be text.

    Raises:
        DataError: If it is missing, of another type, or cannot be written as UTF-8.
    """
    return checked_text(f"{row.place}: {column}", row.values.get(column))


def checked_text(what: str, value: object) -> str:
    """Return a value that has to be text; `what` says in the error where it stands."""
    if not isinstance(value, str):
        raise DataError(f"{what} is {kind_of(value)}, expected text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"{what} holds half of a surrogate pair at character {error.start + 1}; repair the escape"
        ) from error
    return value


def kind_of(value: object) -> str:
    """Return what a JSON value is, in words that follow `is` or `found`."""
    names = {
        "NoneType": "missing or null",
        "dict": "an object",
        "list": "a list",
        "bool": "true or false",
        "str": "text",
    }
    kind = type(value).__name__
    return names.get(kind, f"the number {value}" if isinstance(value, int | float) else f"a {kind}")


def _jsonl_file(path: Path) -> Iterator[Row]:
    try:
        with path.open("rb") as lines:
            yield from _json_rows(str(path), lines)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _json_rows(name: str, lines: Iterable[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        raw = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if raw.strip():
            place = f"{name}, line {number}"
            yield Row(place, _json_object(place, raw))


def _json_object(place: str, raw: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place}: byte {error.start + 1} is not UTF-8 ({error.reason}); save the file as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON ({error}); expected one object a line") from error
    if not isinstance(row, dict):
        raise DataError(f"{place}: found {kind_of(row)}, expected a JSON object with the row's columns")
    return row


def _parquet_file(path: Path) -> Iterator[Row]:
    import polars as pl

    scan = pl.scan_parquet(path, glob=False)
    start = 0
    while True:
        try:
            rows = scan.slice(start, _PARQUET_ROWS).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path} cannot be read as Parquet: {error}") from error
        for number, row in enumerate(rows.iter_rows(named=True), start=start + 1):
            yield Row(f"{path}, row {number}", row)
        if len(rows) < _PARQUET_ROWS:
            return
        start += _PARQUET_ROWS
