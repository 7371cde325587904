"""The version stands once, in Cargo.toml, and every way to ask gives it."""

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]


def test_the_package_has_it():
    import twogrpo

    assert (twogrpo.__version__, version("twogrpo")) == (VERSION, VERSION)


@pytest.mark.parametrize("module", ["twogrpo", "twogrpo.cli"])
def test_the_program_prints_it(module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"twogrpo {VERSION}\n", "")
