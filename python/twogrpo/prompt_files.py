"""Rows of a prompt file, JSONL or Parquet: checked text, gold answers and data set, each with its place in the file.

JSON lines are read one by one, so that an error can name the line; a data frame reader would only name the file.
"""

import codecs
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twogrpo.errors import ConfigError, DataError

__all__ = ["PromptRow", "read_prompt_rows"]

_PROMPT_COLUMNS = ("problem", "question", "prompt")
_GOLD_COLUMN = "answer"
_DATASET_COLUMN = "dataset"


@dataclass(frozen=True)
class PromptRow:
    """A usable row of a prompt file."""

    place: str
    """`line 3` or `row 3`, counted from 1."""
    text: str
    golds: tuple[str, ...]
    dataset: str


def read_prompt_rows(path: Path, *, prompt_column: str | None, gold_column: str | None) -> list[PromptRow]:
    """Return every row of a .jsonl or .parquet file.

    Args:
        path: The file.
        prompt_column: Column of the problem, or the first present of problem, question and prompt.
        gold_column: Column of the gold answer, or `answer`.

    Raises:
        ConfigError: If the file is of another kind, or a column is not there.
        DataError: If the file is missing, unreadable or empty, or a row is unusable.
    """
    readers = {".jsonl": _json_lines, ".parquet": _parquet_rows}
    if path.suffix not in readers:
        raise ConfigError(f"{path} ends in {path.suffix!r}; prompts are read from .jsonl and .parquet files")
    if not path.is_file():
        raise DataError(
            f"{path} is not a file; expected a .jsonl or .parquet file, relative paths start at {Path.cwd()}"
        )
    rows = list(readers[path.suffix](path))
    if not rows:
        raise DataError(f"{path} has no rows; expected one problem a row")
    columns = list(rows[0][1])
    prompt_column = _column(path, columns, "data.prompt_column", [prompt_column] if prompt_column else _PROMPT_COLUMNS)
    gold_column = _column(path, columns, "data.gold_column", [gold_column or _GOLD_COLUMN])
    return [_prompt_row(path, place, row, prompt_column, gold_column) for place, row in rows]


def _json_lines(path: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            raw = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if raw.strip():
                yield f"line {number}", _json_object(path, number, raw)


def _json_object(path: Path, number: int, raw: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, line {number}: byte {error.start + 1} is not UTF-8 ({error.reason}); save the file as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {number}: not JSON ({error}); expected one object a line") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: found {_kind(row)}, expected a JSON object with the problem's columns")
    return row


def _parquet_rows(path: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from error
    return [(f"row {number}", row) for number, row in enumerate(frame.iter_rows(named=True), start=1)]


def _column(path: Path, columns: list[str], key: str, candidates: Iterable[str]) -> str:
    for name in candidates:
        if name in columns:
            return name
    raise ConfigError(
        f"{path} has no column {' or '.join(candidates)}; found {', '.join(columns) or 'none'}; "
        f"name the column with {key}"
    )


def _prompt_row(path: Path, place: str, row: Mapping[str, Any], prompt_column: str, gold_column: str) -> PromptRow:
    where = f"{path}, {place}"
    text = _text(where, prompt_column, row.get(prompt_column))
    if not text.strip():
        raise DataError(f"{where}: {prompt_column} is empty; take the row out")
    dataset = row.get(_DATASET_COLUMN)
    name = path.stem if dataset is None else _text(where, _DATASET_COLUMN, dataset)
    return PromptRow(place, text, _golds(where, gold_column, row.get(gold_column)), name)


def _text(where: str, column: str, value: object) -> str:
    if not isinstance(value, str):
        raise DataError(f"{where}: {column} is {_kind(value)}, expected text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}: {column} holds half of a surrogate pair at character {error.start + 1}; repair the escape"
        ) from error
    return value


def _golds(where: str, column: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise DataError(f"{where}: {column} is an empty list, expected at least one acceptable answer")
    return tuple(_gold(where, column, each) for each in values)


def _gold(where: str, column: str, value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return _text(where, column, value)
    raise DataError(f"{where}: {column} is {_kind(value)}, expected text, a finite number or a list of these")


def _kind(value: object) -> str:
    names = {
        "NoneType": "missing or null",
        "dict": "an object",
        "list": "a list",
        "bool": "true or false",
        "str": "text",
    }
    kind = type(value).__name__
    return names.get(kind, f"the number {value}" if isinstance(value, int | float) else f"a {kind}")
