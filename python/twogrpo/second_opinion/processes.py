"""Processes that answer one line with one line, and are killed where that takes too long.

Neither signals nor threads can stop sympy in the middle of a long calculation; the end of its process can. They are
programs of their own and no copies of this one: nothing is pickled, no lock is inherited, and a script needs no
`if __name__ == "__main__"`.
"""

import contextlib
import os
import queue
import subprocess
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from enum import Enum
from threading import Lock, Timer
from typing import Self

from twogrpo.errors import EngineError

__all__ = ["Failure", "Processes"]

_START_S = 120.0


class Failure(Enum):
    """Why there is no answer."""

    TIMEOUT = "timeout"
    """The process took too long and was killed."""
    DIED = "died"
    """The process ended by itself."""
    NOT_ASKED = "not_asked"
    """The time for all requests was over."""


class Processes:
    """A fixed number of processes, started when they are first needed and again after they were killed.

    They may be used from any thread, one call at a time, and in a forked child, which starts its own.

    Args:
        command: What starts one. It prints a line when it is ready, and then a line for each line that it reads.
        count: How many run at a time.
        timeout_s: How long an answer may take.
    """

    def __init__(self, command: Sequence[str], *, count: int, timeout_s: float) -> None:
        self._command = list(command)
        self._timeout_s = timeout_s
        self._count = count
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._owner = os.getpid()
        self._running: list[_Process | None] = [None] * self._count
        self._one_call = Lock()
        self._is_closed = False
        weakref.finalize(self, _kill_all, self._running, self._owner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill every process; what has not been answered stays so."""
        self._is_closed = True
        _kill_all(self._running, self._owner)

    def ask(self, requests: Sequence[str], *, total_s: float) -> list[str | Failure]:
        """Return an answer to each request, in their order, or why there is none.

        Args:
            requests: Lines without a line break.
            total_s: After this time no further request is begun.

        Raises:
            EngineError: If a process does not start.
        """
        if self._owner != os.getpid():
            # A fork has copied the parent's processes, which are not this one's, and its lock, which may be held.
            self._start_afresh()
        with self._one_call:
            self._is_closed = False
            answers: list[str | Failure] = [Failure.NOT_ASKED] * len(requests)
            places: queue.SimpleQueue[int] = queue.SimpleQueue()
            for place in range(len(requests)):
                places.put(place)
            deadline = time.monotonic() + total_s

            def work(slot: int) -> None:
                while not self._is_closed and time.monotonic() < deadline:
                    try:
                        place = places.get_nowait()
                    except queue.Empty:
                        return
                    answers[place] = self._answer(slot, requests[place])

            with ThreadPoolExecutor(self._count, "twogrpo-second-opinion") as threads:
                workers = [threads.submit(work, slot) for slot in range(min(self._count, len(requests)))]
                try:
                    wait(workers)
                except BaseException:
                    # Ctrl-C: the threads end as their processes do.
                    self.close()
                    raise
            for worker in workers:
                worker.result()
            return answers

    def _answer(self, slot: int, request: str) -> str | Failure:
        process = self._running[slot]
        if process is None:
            process = self._running[slot] = _Process(self._command)
            if self._is_closed:
                process.kill()
            if isinstance(process.line(_START_S), Failure):
                self._running[slot] = None
                process.kill()
                if self._is_closed:
                    return Failure.NOT_ASKED
                raise EngineError(f"the process of a second opinion does not start: {' '.join(self._command)}")
        process.send(request)
        answer = process.line(self._timeout_s)
        if isinstance(answer, Failure):
            self._running[slot] = None
            process.kill()
        return answer


class _Process:
    """One process with its two pipes."""

    def __init__(self, command: Sequence[str]) -> None:
        # A session of its own: Ctrl-C at a terminal goes to the parent alone, which then kills.
        self._process = subprocess.Popen(  # noqa: S603  # the command is the package's own
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,
        )

    def send(self, line: str) -> None:
        # A process that is gone is noticed when its answer is read.
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def line(self, timeout_s: float) -> str | Failure:
        """Return the next line that the process prints; kill it where that takes longer."""
        is_late = False

        def end() -> None:
            nonlocal is_late
            is_late = True
            self._process.kill()

        timer = Timer(timeout_s, end)
        timer.daemon = True
        timer.start()
        try:
            text = self._process.stdout.readline() if self._process.stdout is not None else ""
        except (OSError, ValueError):
            text = ""
        finally:
            timer.cancel()
        if text.endswith("\n"):
            return text.removesuffix("\n")
        return Failure.TIMEOUT if is_late else Failure.DIED

    def kill(self) -> None:
        """End the process and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            # Closing writes what a process that is gone has not read.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _kill_all(running: "list[_Process | None]", owner: int) -> None:
    if os.getpid() != owner:
        return
    for slot, process in enumerate(running):
        if process is not None:
            process.kill()
            running[slot] = None
