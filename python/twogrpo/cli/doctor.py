"""`twogrpo doctor`: what this installation has and what it lacks."""

import importlib.util
import os
import platform
from typing import Any

from twogrpo.cli.options import Json, Traceback, print_json

__all__ = ["doctor"]

EXTRAS = {"train": ("torch", "transformers", "safetensors", "accelerate", "peft")}
BASE = ("polars", "pydantic", "omegaconf", "typer", "rich")


def doctor(
    *,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print versions, extras, devices and the core's build."""
    facts = _facts()
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for inner, text in value.items():
                print(f"  {inner:<14}{text}")
        else:
            print(f"{name:<16}{value}")


def _facts() -> dict[str, Any]:
    from twogrpo import _core

    return {
        "twogrpo": _core.__version__,
        "core": "release build" if _core.is_release_build else "debug build: many times slower",
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "base": {package: _version(package) for package in BASE},
        **{f"[{extra}]": {package: _version(package) for package in names} for extra, names in EXTRAS.items()},
        "[openrlhf]": _openrlhf(),
        "devices": _devices(),
    }


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        extra = next((name for name, packages in EXTRAS.items() if package in packages), None)
        return "missing" + (f': pip install "twogrpo[{extra}]"' if extra else "")


def _openrlhf() -> dict[str, str]:
    """Return the packages of the distributed engine beside the versions that it is pinned to."""
    from twogrpo.openrlhf.versions import INSTALL, findings

    found = findings()
    facts = {each.name: each.version if each.fits else f"{each.version}: expected {each.expected}" for each in found}
    if all(each.fits for each in found):
        return facts
    return {**facts, "to install": ", then ".join(INSTALL)}


def _devices() -> str:
    if importlib.util.find_spec("torch") is None:
        return "cpu (torch is not installed)"
    import torch

    found = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return ", ".join(["cpu", *found])
