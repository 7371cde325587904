"""Progress on stderr: a live bar with the newest figures in a terminal, one plain line a step elsewhere."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Console"]


class Console:
    """Prints notes, steps and evaluations of a run.

    Args:
        every_steps: Print every so many steps; the first and the last are always printed.
        stream: Where to print; stderr by default, so that results alone stand on stdout.
        is_quiet: Print notes only.
    """

    def __init__(self, *, every_steps: int = 1, stream: TextIO | None = None, is_quiet: bool = False) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._every_steps = every_steps
        self._is_quiet = is_quiet
        self._is_live = self._stream.isatty() and not is_quiet
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def note(self, text: str) -> None:
        """Print a line of its own."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)  # printing is this class's job

    def step(self, step: int, total: int, figures: Mapping[str, str], title: str) -> None:
        """Show one finished step, counted from 1, with its figures as `name value` in the order given."""
        if self._is_quiet:
            return
        text = "  ".join(f"{name} {value}" for name, value in figures.items())
        if self._is_live:
            self._advance(step, total, text, title)
        if not self._is_live and (step % self._every_steps == 0 or step in (1, total)):
            self.note(f"{title} {step:>{len(str(total))}}/{total}  {text}")

    def close(self) -> None:
        """End the live bar, if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar, self._task = None, None

    def _advance(self, step: int, total: int, text: str, title: str) -> None:
        if self._bar is None:
            self._start(total, title)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=step, figures=text)
            if step >= total:
                self.close()

    def _start(self, total: int, title: str) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figures]}", markup=False),
        )
        self._bar = Progress(*columns, console=RichConsole(file=self._stream))
        self._task = self._bar.add_task(title, total=total, figures="")
        self._bar.start()
