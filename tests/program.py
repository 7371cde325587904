"""The real program in processes of its own, made cheap: each is forked from one that has imported torch already.

A fresh interpreter needs five CPU seconds until torch and transformers are there. Arguments, working folder, standard
streams, signals and exit code of a forked process are its own, as those of a process that a shell has started.
"""

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

PRELOADED = [
    "polars",
    "torch",
    "transformers",
    "transformers.models.bert.modeling_bert",
    "transformers.models.qwen2.modeling_qwen2",
    "twogrpo.cli.app",
    "twogrpo.train",
]
# No model is looked for in the network, and no thread spins.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
}
TIMEOUT_S = 120


@dataclass(frozen=True)
class Outcome:
    """What a process has left: its exit code (negative: the signal that killed it) and what it has printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def line(self) -> str:
        """The last line of stderr."""
        return self.stderr.splitlines()[-1] if self.stderr else ""


class Program:
    """One `twogrpo ARGUMENTS` in a folder, running from the start."""

    def __init__(self, folder, arguments, *, stdin=b"", log):
        self._out, self._err, stdin_file = log / "stdout", log / "stderr", log / "stdin"
        stdin_file.write_bytes(stdin)
        words = [str(argument) for argument in arguments]
        streams = (str(stdin_file), str(self._out), str(self._err))
        self._process = _forkserver().Process(target=_main, args=(words, str(folder), streams))
        self._process.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_alive(self):
        return self._process.is_alive()

    def send(self, sent):
        os.kill(self._process.pid, sent)

    def stderr(self):
        """Return what stands on stderr so far."""
        return self._err.read_text() if self._err.exists() else ""

    def wait(self, timeout_s=TIMEOUT_S):
        self._process.join(timeout_s)
        if self._process.is_alive():
            self.send(signal.SIGKILL)
            self._process.join()
            raise TimeoutError(f"the program did not end within {timeout_s} s; it had printed: {self.stderr()}")
        code = self._process.exitcode
        self._process.close()
        return Outcome(code, self._out.read_text(), self._err.read_text())


def run(*arguments, cwd=None, stdin="", timeout_s=TIMEOUT_S):
    """Return what `twogrpo ARGUMENTS` comes to, as `subprocess.run` returns it."""
    with tempfile.TemporaryDirectory() as log:
        outcome = Program(cwd or Path.cwd(), arguments, stdin=stdin.encode(), log=Path(log)).wait(timeout_s)
    return subprocess.CompletedProcess(arguments, outcome.code, outcome.stdout, outcome.stderr)


def assert_one_line(result, code, *parts):
    """Assert that a program has ended with an exit code and one line on stderr that holds every part."""
    assert result.returncode == code, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("twogrpo: ")
    assert all(part in result.stderr for part in parts), result.stderr


def run_in_shell(folder, command):
    """Return what a line of bash comes to, `twogrpo` in it being the program in a fresh interpreter."""
    script = f'twogrpo() {{ "{sys.executable}" -m twogrpo "$@"; }}; {command}'
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def _forkserver():
    os.environ.update(ENVIRONMENT)
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _main(words, folder, streams):
    os.chdir(folder)
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, _WRITE, _WRITE), strict=True)):
        os.dup2(os.open(path, flags, 0o644), number)
    # The server's stdin was /dev/null and has an object of its own in the child.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # it lives as long as the process
    from twogrpo.cli.app import main

    main(words)


_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
