"""Writers in processes of their own, made cheap: each is forked from one that has imported polars and twogrpo.

Run as a program it forks a writer for each line of JSON that it reads, and answers with its process id. A writer stores
one step after the other and acknowledges each in a file, so that what was acknowledged outlives it.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import polars as pl

PROMPTS = 24
DEADLINE_S = 60


@dataclass(frozen=True)
class Orders:
    """What a writer is to do: store steps from `first` until `end`, after a resume if one is asked for.

    With `forks` it also has a child that tries to write, is refused, and lives on.
    """

    path: str
    acknowledged: str
    writer: str
    first: int
    end: int = 10_000
    resume_step: int | None = None
    forks: bool = False


def rollouts(writer: str, step: int) -> pl.DataFrame:
    """Return the rows of a step, which no other step and writer has."""
    rows = 2 * PROMPTS
    return pl.DataFrame(
        {
            "group_id": [step * PROMPTS + row // 2 for row in range(rows)],
            "rollout_idx": [row % 2 for row in range(rows)],
            "prompt": [f"{row // 2}+{step}" for row in range(rows)],
            "response": [f"{writer} says {row * step}" for row in range(rows)],
            "response_ids": [[(row * step + token) % 977 for token in range(80)] for row in range(rows)],
            "reward": [float(row % 2) for row in range(rows)],
        }
    )


class Nursery:
    """The process that the writers are forked from; a context."""

    def __enter__(self) -> Self:
        self._started: list[int] = []
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._started:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._process.communicate(timeout=DEADLINE_S)

    def start(self, orders: Orders) -> int:
        """Return the process id of a new writer."""
        self._process.stdin.write(json.dumps(asdict(orders)) + "\n")
        self._process.stdin.flush()
        self._started.append(int(self._process.stdout.readline()))
        return self._started[-1]


def kill(pid: int) -> None:
    """Kill a writer and its child as the system does when memory runs out, and wait until the writer is gone."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    wait(pid)


def wait(pid: int) -> None:
    """Wait until a writer has ended."""
    for _ in _until_deadline(f"the writer {pid} does not end"):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return


def wait_for_lock(orders: Orders) -> None:
    """Wait until no child of a writer that was killed holds its lock; the system takes a moment to end it."""
    lock = Path(orders.path, "_twogrpo", "lock", f"r.{orders.writer}")
    if not lock.exists():
        return
    with lock.open("rb") as file:
        for _ in _until_deadline(f"{lock} is not free"):
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return


def _until_deadline(late: str) -> Iterator[None]:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        yield
        time.sleep(0.002)
    raise TimeoutError(late)


def words(file: Path) -> list[str]:
    """Return what a writer has acknowledged: `resumed`, steps, `refused`, or the error that it met."""
    return file.read_text().splitlines() if file.exists() else []


def _write(orders: Orders) -> None:
    from twogrpo import RolloutStore, StoreError

    target = os.open(orders.acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def acknowledge(word: object) -> None:
        os.write(target, f"{word}\n".encode())

    try:
        options = {"resume_step": orders.resume_step} if orders.resume_step is not None else {}
        store = RolloutStore.open(orders.path, run_id="r", writer=orders.writer, **options)
        if orders.resume_step is not None:
            acknowledge("resumed")
        if orders.forks and os.fork() == 0:
            try:
                store.append(rollouts(orders.writer, 9_999), 9_999)
            except StoreError:
                acknowledge("refused")
            signal.pause()
        for step in range(orders.first, orders.end):
            store.append(rollouts(orders.writer, step), step)
            store.flush()
            acknowledge(step)
        store.close()
    except Exception as error:  # noqa: BLE001  # the test reads what went wrong
        acknowledge(f"error: {error}")


def _main() -> None:
    # A writer that is gone leaves nothing to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            # A pipe that a writer's child holds would not end with the nursery.
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            _write(Orders(**json.loads(line)))
            os._exit(0)
        with suppress(OSError):
            os.setpgid(pid, pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    import twogrpo.store  # noqa: F401  # for the writers to have it

    _main()
