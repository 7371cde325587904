"""The complete configuration of a run folder or a YAML file, so that two of them can be compared key by key."""

from pathlib import Path
from typing import Any

from twogrpo.config.load import merge, read_yaml, validate
from twogrpo.config.runs import DpoConfig, OnlineConfig
from twogrpo.errors import ConfigError

__all__ = ["complete_values"]

RESOLVED = "config.resolved.yaml"
# Sections that only a dpo run has.
DPO_SECTIONS = ("dpo", "pairs")
# Stands for a path that the command line gives.
UNNAMED = "(unnamed)"


def complete_values(path: Path) -> dict[str, Any]:
    """Return nested values with every default filled in; without the paths that a file leaves to the command line.

    A run folder's configuration is taken as it was written, so that runs of different versions can be compared.

    Args:
        path: A run folder, or the YAML file of an online or a dpo run.

    Raises:
        ConfigError: There is neither, or the file does not make a configuration.
    """
    if path.is_dir():
        if not (path / RESOLVED).exists():
            raise ConfigError(f"{path} is not a run folder: it has no {RESOLVED}; name a run folder or a YAML file")
        return read_yaml(path / RESOLVED)
    given = read_yaml(path)
    model = DpoConfig if any(section in given for section in DPO_SECTIONS) else OnlineConfig
    named = {"model": {"path": UNNAMED}, "data": {"path": UNNAMED}}
    values = validate(model, merge(named, given), source=str(path)).model_dump(mode="json")
    for section in named:
        if values[section]["path"] == UNNAMED:
            del values[section]["path"]
    return values
