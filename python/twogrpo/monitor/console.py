"""Progress on stderr: a live bar with the newest figures in a terminal, one plain line a step elsewhere."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress

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
        self._is_gone = False
        self._live: Live | None = None
        self._bar: Progress | None = None

    def note(self, text: str) -> None:
        """Print a line of its own."""
        if self._is_gone:
            return
        try:
            if self._live is not None:
                self._live.console.print(text, markup=False, highlight=False)
            else:
                print(text, file=self._stream, flush=True)
        except OSError:
            # The reader of a pipe has gone, or the log's disk is full; progress is no reason to lose a run.
            self._is_gone, self._live, self._bar = True, None, None

    def step(self, step: int, total: int, figures: Mapping[str, str], title: str) -> None:
        """Show one finished step, counted from 1, with its figures as `name value` in the order given."""
        if self._is_quiet or self._is_gone:
            return
        text = "  ".join(f"{name} {value}" for name, value in figures.items())
        if self._is_live:
            self._advance(step, total, text, title)
        if not self._is_live and (step % self._every_steps == 0 or step in (1, total)):
            self.note(f"{title} {step:>{len(str(total))}}/{total}  {text}")

    def close(self) -> None:
        """End the live bar, if there is one."""
        if self._live is not None:
            self._live.stop()
            self._live = self._bar = None

    def _advance(self, step: int, total: int, text: str, title: str) -> None:
        from rich.console import Group
        from rich.text import Text

        if self._live is None or self._bar is None:
            self._live, self._bar = self._start(total, title)
        self._bar.update(self._bar.task_ids[0], completed=step, description=title)
        # The figures take a line of their own: beside a bar they would not fit into 80 columns.
        self._live.update(Group(self._bar, Text(text, overflow="ellipsis", no_wrap=True)), refresh=True)
        if step >= total:
            self.close()

    def _start(self, total: int, title: str) -> tuple["Live", "Progress"]:
        from rich.console import Console as RichConsole
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = RichConsole(file=self._stream)
        bar = Progress(*columns, console=console)
        bar.add_task(title, total=total)
        live = Live(bar, console=console, auto_refresh=False)
        live.start()
        return live, bar
