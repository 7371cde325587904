"""One training step a turn: how a worker process waits for its turn and reports what the step took.

The bench writes a line to the worker's stdin for each step and reads a line of JSON from its stdout, so that two
workers alternate on one machine and neither runs while the other is measured.
"""

import json
import os
import resource
import sys
import time
from typing import TextIO

__all__ = ["Turns"]

RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


class Turns:
    """The worker's side of the exchange.

    What libraries print goes to stderr from here on, as stdout is the bench's.

    Args:
        steps: Steps in all; after the last one nothing is waited for.
    """

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._reports: TextIO = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._cpu = self._wall = 0.0

    def begin(self) -> None:
        """Wait for the turn, then start the clocks."""
        if not sys.stdin.readline():
            sys.exit("the bench is gone")
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def end(self, **figures: float) -> None:
        """Report the step that has just ended with its figures, and wait for the next turn."""
        report = {
            "cpu_s": time.process_time() - self._cpu,
            "wall_s": time.perf_counter() - self._wall,
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES / 1e6,
            **figures,
        }
        print(json.dumps(report), file=self._reports, flush=True)
        self._left -= 1
        if self._left:
            self.begin()
