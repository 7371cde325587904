"""Rows of a prompt file: checked text, gold answers and data set, each with its place in the file."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from twogrpo.errors import ConfigError, DataError
from twogrpo.row_files import Row, checked_text, kind_of, read_rows, text_of

__all__ = ["PromptRow", "golds_of", "read_prompt_rows"]

_PROMPT_COLUMNS = ("problem", "question", "prompt")
_GOLD_COLUMN = "answer"
_DATASET_COLUMN = "dataset"


@dataclass(frozen=True)
class PromptRow:
    """A usable row of a prompt file."""

    place: str
    """File and place in it, such as `problems.jsonl, line 3`, counted from 1."""
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
    rows = list(read_rows(path))
    if not rows:
        raise DataError(f"{path} has no rows; expected one problem a row")
    columns = rows[0].values
    prompt_column = _column(path, columns, "data.prompt_column", [prompt_column] if prompt_column else _PROMPT_COLUMNS)
    gold_column = _column(path, columns, "data.gold_column", [gold_column or _GOLD_COLUMN])
    return [_prompt_row(path, row, prompt_column, gold_column) for row in rows]


def golds_of(row: Row, column: str) -> tuple[str, ...]:
    """Return the acceptable answers that a column holds: text, a finite number, or a list of these.

    Raises:
        DataError: If the column is missing, empty or holds anything else.
    """
    value = row.values.get(column)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise DataError(f"{row.place}: {column} is an empty list, expected at least one acceptable answer")
    return tuple(_gold(f"{row.place}: {column}", each) for each in values)


def _column(path: Path, columns: Mapping[str, object], key: str, candidates: Iterable[str]) -> str:
    for name in candidates:
        if name in columns:
            return name
    raise ConfigError(
        f"{path} has no column {' or '.join(candidates)}; found {', '.join(columns) or 'none'}; "
        f"name the column with {key}"
    )


def _prompt_row(path: Path, row: Row, prompt_column: str, gold_column: str) -> PromptRow:
    text = text_of(row, prompt_column)
    if not text.strip():
        raise DataError(f"{row.place}: {prompt_column} is empty; take the row out")
    is_unnamed = row.values.get(_DATASET_COLUMN) is None
    dataset = path.stem if is_unnamed else text_of(row, _DATASET_COLUMN)
    return PromptRow(row.place, text, golds_of(row, gold_column), dataset)


def _gold(what: str, value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return checked_text(what, value)
    raise DataError(f"{what} is {kind_of(value)}, expected text, a finite number or a list of these")
