"""The stubs of the compiled core say what the binary has."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def stubtest(stubs):
    environment = {**os.environ, "MYPYPATH": str(stubs)}
    return subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "twogrpo._core"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
    )


def test_stubs_agree_with_the_binary():
    done = stubtest(ROOT / "python")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_function_that_the_binary_lacks_is_found(tmp_path):
    room = tmp_path / "twogrpo"
    room.mkdir()
    (room / "__init__.pyi").touch()
    text = (ROOT / "python" / "twogrpo" / "_core.pyi").read_text(encoding="utf-8")
    (room / "_core.pyi").write_text(text + "\ndef not_there() -> int: ...\n", encoding="utf-8")
    done = stubtest(tmp_path)
    assert done.returncode != 0
    assert "not_there" in done.stdout
