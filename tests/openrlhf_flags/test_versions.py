"""The pins, and what is said where the packages differ."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from twogrpo.errors import EngineError
from twogrpo.openrlhf.versions import INSTALL, PINS, Finding, check_versions, findings

ROOT = Path(__file__).parents[2]
PIN = {pin.name: pin for pin in PINS}


@pytest.mark.parametrize(
    ("name", "found", "fits"),
    [
        ("ray", "2.55.0", True),
        ("ray", "2.55.1", False),
        ("ray", None, False),
        ("vllm", "0.29.0+cpu", True),
        ("torch", "2.13.0+cu130", True),
        ("torch", "2.13.1", True),
        ("torch", "2.130.0", False),
        ("flash_attn", "2.8.3", True),
        ("flash_attn", "", True),
        ("flash_attn", None, False),
    ],
)
def test_a_version_fits_its_pin(name, found, fits):
    assert Finding(PIN[name], found).fits is fits


def test_this_environment_is_refused_in_one_line():
    """The tests of the package itself run without OpenRLHF."""
    with pytest.raises(EngineError) as refused:
        check_versions()
    line = str(refused.value)
    assert "\n" not in line
    assert "openrlhf is missing, expected 0.11.2;" in line
    assert "flash-attn is missing, expected any version;" in line
    assert all(command in line for command in INSTALL)


def test_a_finding_says_what_is_here_and_what_should_be():
    assert str(Finding(PIN["torch"], "2.15.0")) == "torch is 2.15.0, expected 2.13"
    assert str(Finding(PIN["flash_attn"], "")) == "flash-attn is of an unknown version, expected any version"


def test_only_what_is_needed_is_looked_at():
    with pytest.raises(EngineError, match="deepspeed") as refused:
        check_versions(["deepspeed"])
    assert "ray" not in str(refused.value)


def test_nothing_is_refused_where_nothing_is_needed():
    check_versions([])


def test_a_finding_is_what_is_installed():
    for finding in findings():
        with_metadata = []
        for distribution in finding.pin.distributions:
            try:
                with_metadata.append(version(distribution))
            except PackageNotFoundError:
                continue
        assert finding.found == (with_metadata[0] if with_metadata else None)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements():
    return PROJECT["optional-dependencies"]["openrlhf"]


def locked():
    lines = (ROOT / "requirements-openrlhf-cuda.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("pin", [pin for pin in PINS if pin.name not in ("openrlhf", "flash_attn")], ids=str)
def test_the_extra_asks_for_what_is_pinned(pin):
    matching = {"torch": "torch==2.13.*", "ray": "ray[default]==2.55.0"}
    wanted = matching.get(pin.name, f"{pin.distributions[0]}=={pin.expected}")
    assert wanted in requirements()


def test_the_extra_leaves_out_what_is_installed_apart():
    assert not [each for each in requirements() if each.startswith(("openrlhf", "flash"))]
    assert "openrlhf==0.11.2" in INSTALL[1]


@pytest.mark.parametrize(
    "requirement",
    [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["train"],
        *(each for each in PROJECT["optional-dependencies"]["openrlhf"] if not each.startswith("twogrpo")),
    ],
)
def test_the_locked_list_has_what_is_asked_for(requirement):
    wanted = Requirement(requirement)
    assert wanted.specifier.contains(locked()[wanted.name])


def test_the_locked_list_says_what_to_install_apart():
    text = (ROOT / "requirements-openrlhf-cuda.txt").read_text()
    assert "pip install --no-deps twogrpo openrlhf==0.11.2" in text
    assert not {"openrlhf", "flash-attn", "twogrpo"} & set(locked())
