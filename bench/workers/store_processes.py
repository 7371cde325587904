"""Appends made by processes of their own, which begin at the same moment."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["appended_by"]

BENCH = Path(__file__).parents[1]
WORKER = BENCH / "workers" / "store_append.py"


def appended_by(shares: list[tuple[str, Path, str, list[Path]]]) -> list[dict[str, Any]]:
    """Return the answers of one process for each share.

    Args:
        shares: Side, folder, writer, and the files of the tables to append.

    Raises:
        SystemExit: If a process fails.
    """
    path = [str(BENCH), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    workers = []
    for side, folder, writer, files in shares:
        folder.mkdir(exist_ok=True)
        command = [sys.executable, str(WORKER), side, str(folder), writer, *map(str, files)]
        workers.append(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        )
    if any(_line(worker) != "ready" for worker in workers):
        raise SystemExit("a process that appends could not begin")
    for worker in workers:
        print(file=worker.stdin, flush=True)
    answers = [_line(worker) for worker in workers]
    codes = [worker.wait() for worker in workers]
    if any(codes):
        raise SystemExit("a process that appends failed")
    return [json.loads(answer) for answer in answers]


def _line(worker: "subprocess.Popen[str]") -> str:
    if worker.stdout is None:
        raise SystemExit("the process has no pipe")
    return worker.stdout.readline().strip()
