"""Ctrl-C: the first asks the loop to finish its step and save, the second stops at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

__all__ = ["StopOnInterrupt"]


class StopOnInterrupt:
    """A context in which the first SIGINT sets `requested` and the second raises KeyboardInterrupt.

    Outside the main thread signals cannot be handled; the context then does nothing.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self.requested = False
        self._notify = notify
        self._previous: object = None
        self._is_active = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if self._is_active:
            self._previous = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_active:
            signal.signal(signal.SIGINT, self._previous)  # type: ignore[arg-type]  # what signal() returned

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._notify("interrupt: finishing this step and saving; press Ctrl-C again to stop at once")
