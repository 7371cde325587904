"""The embedded default: its name, and the configurations that come with the package."""

from pathlib import Path
from typing import Literal

__all__ = ["TINY", "embedded_config"]

TINY = "tiny"
"""What names the embedded default as a model, as data and as problems of an evaluation."""


def embedded_config(command: Literal["online", "dpo"]) -> Path:
    """Return the YAML file that a command without a configuration runs on."""
    return Path(__file__).parent / {"online": "tiny.yaml", "dpo": "tiny-dpo.yaml"}[command]
