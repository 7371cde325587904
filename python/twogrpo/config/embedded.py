"""The configurations that come with the package: the embedded default's."""

from pathlib import Path
from typing import Literal

__all__ = ["embedded_config"]


def embedded_config(command: Literal["online", "dpo"]) -> Path:
    """Return the YAML file that a command without a configuration runs on."""
    return Path(__file__).parent / {"online": "tiny.yaml", "dpo": "tiny-dpo.yaml"}[command]
