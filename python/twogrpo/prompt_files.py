"""Rows of a prompt file: checked text, gold answers and data set, each with its place in the file."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from twogrpo.errors import ConfigError, DataError
from twogrpo.row_files import Row, checked_text, kind_of, read_rows, text_of

__all__ = ["PromptRow", "answer_text", "golds_of", "prompt_and_gold_column", "prompt_row", "read_prompt_rows"]

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
    prompt_column, gold_column = prompt_and_gold_column(path, rows[0].values, prompt_column, gold_column)
    return [prompt_row(row, path.stem, prompt_column, gold_column) for row in rows]


def prompt_and_gold_column(
    path: Path | str,
    columns: Iterable[str],
    prompt_column: str | None,
    gold_column: str | None,
    *,
    options: tuple[str, str] = ("data.prompt_column", "data.gold_column"),
) -> tuple[str, str]:
    """Return which columns of a file hold the problem and the gold answer.

    Args:
        path: The file, for the error.
        columns: Its columns.
        prompt_column: As in `read_prompt_rows`.
        gold_column: Likewise.
        options: What names the columns, for the error.

    Raises:
        ConfigError: If one of them is not there.
    """
    found = list(columns)
    prompts = [prompt_column] if prompt_column else _PROMPT_COLUMNS
    return (
        _column(path, found, options[0], prompts),
        _column(path, found, options[1], [gold_column or _GOLD_COLUMN]),
    )


def golds_of(row: Row, column: str) -> tuple[str, ...]:
    """Return the acceptable answers that a column holds: text, a finite number, or a list of these.

    Raises:
        DataError: If the column is missing, empty or holds anything else.
    """
    value = row.values.get(column)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise DataError(f"{row.place}: {column} is an empty list, expected at least one acceptable answer")
    return tuple(answer_text(f"{row.place}: {column}", each) for each in values)


def answer_text(what: str, value: object) -> str:
    """Return an answer that has to be text or a finite number, as text; `what` says in the error where it stands.

    Raises:
        DataError: If it is anything else, or text that cannot be written as UTF-8.
    """
    if isinstance(value, str):
        return checked_text(what, value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if is_whole or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise DataError(f"{what} is {kind_of(value)}, expected text, a finite number or a list of these")


def prompt_row(row: Row, dataset: str, prompt_column: str, gold_column: str) -> PromptRow:
    """Return a row of a prompt file; `dataset` is what it belongs to unless it says so itself.

    Raises:
        DataError: If the problem is missing or blank, or the gold answer is missing or no answer.
    """
    text = text_of(row, prompt_column)
    if not text.strip():
        raise DataError(f"{row.place}: {prompt_column} is empty; take the row out")
    is_unnamed = row.values.get(_DATASET_COLUMN) is None
    dataset = dataset if is_unnamed else text_of(row, _DATASET_COLUMN)
    return PromptRow(row.place, text, golds_of(row, gold_column), dataset)


def _column(path: Path | str, columns: Sequence[str], key: str, candidates: Iterable[str]) -> str:
    for name in candidates:
        if name in columns:
            return name
    raise ConfigError(
        f"{path} has no column {' or '.join(candidates)}; found {', '.join(columns) or 'none'}; "
        f"name the column with {key}"
    )
