"""Rows and text in a terminal: tables that fit its width, records one below the other where they do not."""

import math
import shutil
import sys
from collections.abc import Sequence
from datetime import date

from rich.cells import cell_len, set_cell_size

__all__ = ["print_table", "printable", "terminal_width"]

_LONGEST_CELL = 60
_NARROWEST_CELL = 12
_GAP = 2


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout goes to, or None where it is a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def printable(text: str) -> str:
    """Return text with control characters escaped: what a model has written must not move the terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def print_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their names, numbers to the right.

    In a terminal long cells are cut, with an ellipsis; where the columns do not fit side by side, each row is printed
    as a record. In a file or a pipe nothing is cut.
    """
    width = terminal_width()
    cells = [[_cell(value) for value in row] for row in rows]
    wanted = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    widths = wanted if width is None else _fitting(names, wanted, width)
    if widths is None:
        _print_records(names, cells, width)
        return
    is_number = [all(value is None or _is_number(value) for value in column) for column in zip(*rows, strict=True)] or [
        False
    ] * len(names)
    for line in [names, *cells]:
        parts = [
            _fit(cell, size, to_the_right=right) for cell, size, right in zip(line, widths, is_number, strict=True)
        ]
        print((" " * _GAP).join(parts).rstrip())


def _fitting(names: Sequence[str], wanted: Sequence[int], width: int) -> list[int] | None:
    """Return column widths that fit, the widest columns cut first; None if even short cells do not fit."""
    widths = [min(size, max(_LONGEST_CELL, len(name))) for name, size in zip(names, wanted, strict=True)]
    least = [min(size, max(_NARROWEST_CELL, len(name))) for name, size in zip(names, wanted, strict=True)]
    left = width - _GAP * (len(names) - 1)
    if sum(least) > left:
        return None
    while sum(widths) > left:
        widest = max(range(len(widths)), key=lambda index: widths[index] - least[index])
        widths[widest] -= 1
    return widths


def _print_records(names: Sequence[str], cells: Sequence[Sequence[str]], width: int | None) -> None:
    indent = max(map(len, names)) + 2 * _GAP
    for number, row in enumerate(cells, start=1):
        print(f"row {number}")
        for name, cell in zip(names, row, strict=True):
            shown = cell if width is None else _fit(cell, max(_NARROWEST_CELL, width - indent))
            print(f"{' ' * _GAP}{name:<{indent - _GAP}}{shown}".rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_cell, value))}]"
    return printable(str(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fit(text: str, size: int, *, to_the_right: bool = False) -> str:
    """Return the text in so many columns of the terminal, filled up or cut."""
    missing = size - cell_len(text)
    if missing < 0:
        return set_cell_size(text, size - 1) + "…"
    return " " * missing + text if to_the_right else text + " " * missing
