"""Ctrl-C and SIGTERM: the first asks the loop to finish its step and save, the second stops at once.

SIGTERM is what a cluster sends some seconds before it takes the machine away.
"""

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopOnInterrupt"]

_NOTICE = "interrupt: finishing this step and saving; press Ctrl-C again to stop at once\n"


class StopOnInterrupt:
    """A context in which the first SIGINT or SIGTERM sets `requested` and the second raises KeyboardInterrupt.

    Outside the main thread signals cannot be handled; the context then does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, Any] = {}
        self._is_active = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if self._is_active:
            self._previous = {each: signal.signal(each, self._on_signal) for each in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt("interrupted; what came after the newest checkpoint is made again with --resume")
        self.requested = True
        _tell(_NOTICE)


def _tell(text: str) -> None:
    """Write to stderr past its buffer: the signal may have come in the middle of a print, which allows no other."""
    try:
        os.write(sys.stderr.fileno(), text.encode())
    except (OSError, ValueError):
        # No stderr, or one without a file: the run stops all the same.
        return
