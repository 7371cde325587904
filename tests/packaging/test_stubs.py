"""The stubs of the compiled core say what the binary has."""

import os
import subprocess
import sys
from pathlib import Path

STUBS = Path(__file__).resolve().parents[2] / "python" / "twogrpo" / "_core.pyi"


def stubtest(folder, text):
    """Run stubtest on a text of stubs alone: with the package around it, mypy would check torch as well."""
    room = folder / "twogrpo"
    room.mkdir()
    (room / "__init__.pyi").touch()
    (room / "_core.pyi").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "twogrpo._core"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MYPYPATH": str(folder)},
    )


def test_stubs_agree_with_the_binary(tmp_path):
    done = stubtest(tmp_path, STUBS.read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_function_that_the_binary_lacks_is_found(tmp_path):
    done = stubtest(tmp_path, STUBS.read_text(encoding="utf-8") + "\ndef not_there() -> int: ...\n")
    assert (done.returncode, "not_there" in done.stdout) == (1, True)
