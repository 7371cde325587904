"""What a fresh clone says where something that the build needs is missing: one line each."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "prerequisites"
TOOLS = ("cut", "dirname", "head", "sed")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="make and sh are not there")


def program(folder, name, says):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path):
    """A folder of programs that has all that is needed."""
    for name in TOOLS:
        (tmp_path / name).symlink_to(shutil.which(name))
    (tmp_path / "python3").symlink_to(sys.executable)
    program(tmp_path, "cargo", "cargo 1.99.0 (0000000 2026-01-01)")
    program(tmp_path, "cc", "cc")
    return tmp_path


def missing(programs, python="python3"):
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), python], capture_output=True, text=True, check=False, env={"PATH": str(programs)}
    )
    lines = done.stderr.splitlines()
    assert done.returncode == bool(lines)
    return lines


def test_nothing_is_said_where_nothing_is_missing(programs):
    assert missing(programs) == []


@pytest.mark.parametrize(
    ("name", "remedy"), [("python3", "python.org"), ("cargo", "https://rustup.rs"), ("cc", "build-essential")]
)
def test_a_missing_program_is_one_line_with_its_remedy(programs, name, remedy):
    (programs / name).unlink()
    (line,) = missing(programs)
    assert remedy in line


def test_everything_that_is_missing_is_named_at_once(programs):
    for name in ("python3", "cargo", "cc"):
        (programs / name).unlink()
    assert len(missing(programs)) == 3


def test_an_old_rust_is_named_with_the_version_that_is_needed(programs):
    program(programs, "cargo", "cargo 1.75.0 (1d8b05cdd 2023-11-20)")
    (line,) = missing(programs)
    assert "1.89" in line
    assert "1.75.0" in line


def test_an_old_python_is_named(programs):
    (programs / "python3.9").write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n')
    (programs / "python3.9").chmod(0o755)
    (line,) = missing(programs, "python3.9")
    assert "Python 3.9.2" in line


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_make_lists_what_a_new_user_types(arguments):
    done = subprocess.run(["make", *arguments], capture_output=True, text=True, check=True, cwd=ROOT)
    listed = {" ".join(line.split()[:2]) for line in done.stdout.splitlines()}
    assert {"make setup", "make demo", "make test"} <= listed
