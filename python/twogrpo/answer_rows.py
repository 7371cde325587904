"""Rows of answers to verify: each with its id, its gold answers, and one text to be judged."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from twogrpo.errors import DataError
from twogrpo.prompt_files import answer_text, golds_of
from twogrpo.row_files import STREAM, Row, checked_text, kind_of, read_rows, text_of

__all__ = ["VERIFIER_MODES", "AnswerRow", "RowMode", "Scalar", "read_answers"]

RowMode: TypeAlias = Literal["pair", "text", "full"]
"""What a row's text is: a bare final answer, a text whose gold may be prose as well, or a whole response."""

Scalar: TypeAlias = str | int | float | bool | None
"""What an id may be: any value of JSON that is no list and no object."""

VERIFIER_MODES: Mapping[str, str] = {"pair": "answer", "text": "text", "full": "response"}
"""The modes of `twogrpo.verify` by those of rows."""


@dataclass(frozen=True)
class AnswerRow:
    """A row that can be judged."""

    place: str
    """File and place in it, such as `rows.jsonl, line 3`, counted from 1."""
    id: Scalar
    """The row's own, else its number, counted from 1."""
    golds: tuple[str, ...]
    text: str
    mode: str
    """As in `twogrpo.verify`."""


def read_answers(source: str | Path, *, mode: RowMode | None = None) -> Iterator[AnswerRow]:
    """Yield the rows of a .jsonl or .parquet file, or JSON lines from stdin where the source is `-`.

    A row holds `gold`, an acceptable answer or a list of them, and either `pred`, a bare final answer, or `response`, a
    whole text. Other columns are left alone.

    Args:
        source: The file.
        mode: What the text of each row is that does not say so in `mode`; by default `pair` for a pred and `full` for
            a response.

    Raises:
        ConfigError: If the file is of another kind.
        DataError: If the file is missing, unreadable or without rows, or a row is unusable; its place is named.
    """
    rows = read_rows(source)
    number = 0
    for number, row in enumerate(rows, start=1):
        yield _answer(row, number, mode)
    if number == 0:
        name = "stdin" if str(source) == STREAM else source
        raise DataError(f"{name} has no rows; expected one a line, with gold and pred or response")


def _answer(row: Row, number: int, mode: RowMode | None) -> AnswerRow:
    found = [name for name in ("pred", "response") if row.values.get(name) is not None]
    if len(found) != 1:
        columns = ", ".join(row.values) or "none"
        what = "both pred and response" if found else f"neither pred nor response; columns found: {columns}"
        raise DataError(f"{row.place}: {what}; expected one of them, pred for a bare answer, response for a whole text")
    if row.values.get("gold") is None:
        raise DataError(f"{row.place}: gold is missing or null; columns found: {', '.join(row.values)}")
    (column,) = found
    is_bare = column == "pred"
    what = f"{row.place}: {column}"
    return AnswerRow(
        place=row.place,
        id=_id(row, number),
        golds=golds_of(row, "gold"),
        text=answer_text(what, row.values[column]) if is_bare else text_of(row, column),
        mode=VERIFIER_MODES[_mode(row, mode or ("pair" if is_bare else "full"))],
    )


def _mode(row: Row, default: str) -> str:
    mode = row.values.get("mode")
    if mode is None:
        return default
    if not isinstance(mode, str) or mode not in VERIFIER_MODES:
        found = repr(mode) if isinstance(mode, str) else kind_of(mode)
        raise DataError(f"{row.place}: mode is {found}; expected {', '.join(VERIFIER_MODES)} or none")
    return mode


def _id(row: Row, number: int) -> Scalar:
    value = row.values.get("id", number)
    if isinstance(value, str):
        return checked_text(f"{row.place}: id", value)
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise DataError(f"{row.place}: id is {kind_of(value)}; expected text, a finite number, true, false or null")
