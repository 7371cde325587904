"""Texts of a model in a terminal: whole lines that fit its width, with nothing in them that could move its cursor."""

import shutil
from collections.abc import Iterator

from rich.cells import chop_cells

from twogrpo.cli.tables import printable

__all__ = ["text_lines"]

_LEAST_WIDTH = 40
_SHORTENED_LINES = 12


def text_lines(text: str, indent: int, *, more: str | None) -> Iterator[str]:
    """Yield a text in indented lines that fit the terminal.

    Args:
        text: Any text; control characters are shown as escapes, blanks are kept.
        indent: Blanks before every line.
        more: What prints all of it: a long text is cut in its middle and says so. None cuts nothing.
    """
    width = max(_LEAST_WIDTH, shutil.get_terminal_size().columns) - indent
    lines = [part for line in text.split("\n") for part in chop_cells(printable(line), width) or [""]]
    if more is not None and len(lines) > _SHORTENED_LINES:
        left, half = len(lines) - _SHORTENED_LINES, _SHORTENED_LINES // 2
        lines[half:-half] = [f"... {left:,} more lines; {more} prints all ..."]
    for line in lines:
        yield f"{' ' * indent}{line}".rstrip()
