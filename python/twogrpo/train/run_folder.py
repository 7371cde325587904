"""The folder of a run: what stands in it, when it may be written to, and what a resumed run may change."""

import json
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twogrpo.config import RunConfig, to_yaml
from twogrpo.config.load import read_yaml
from twogrpo.errors import ConfigError

__all__ = ["RunFolder", "open_run_folder"]

CONFIG = "config.resolved.yaml"
_CONTENTS = (CONFIG, "env.json", "metrics.jsonl", "rollouts", "checkpoints", "summary.json", "tiny", "reference")
# A resumed run may go on for longer, save, evaluate and print otherwise; everything else would change the trajectory.
_CHANGEABLE = ("train.steps", "train.epochs", "eval.", "log.", "checkpoint.", "run_dir")


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run."""

    path: Path
    is_resumed: bool

    @property
    def run_id(self) -> str:
        """The run's name in its store: the folder's name in letters, digits, dot, dash and underscore."""
        return re.sub(r"[^A-Za-z0-9._-]", "-", self.path.resolve().name)

    @property
    def config(self) -> Path:
        """The configuration with every default filled in."""
        return self.path / CONFIG

    @property
    def metrics(self) -> Path:
        """One JSON line a step or evaluation."""
        return self.path / "metrics.jsonl"

    @property
    def rollouts(self) -> Path:
        """The rollout store."""
        return self.path / "rollouts"

    @property
    def checkpoints(self) -> Path:
        """One Hugging Face folder a checkpoint."""
        return self.path / "checkpoints"

    @property
    def tiny(self) -> Path:
        """Model and data of the embedded default."""
        return self.path / "tiny"

    @property
    def reference(self) -> Path:
        """Cached logprobs of the reference policy."""
        return self.path / "reference"

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json."""
        (self.path / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def open_run_folder(config: RunConfig, *, default: str, resume: bool, force: bool) -> RunFolder:
    """Return the run's folder, made or taken up again, with config.resolved.yaml and env.json in it.

    Args:
        config: The run's configuration; `run_dir` None takes `default`, or `default`-2 and on where that exists.
        default: Folder of an unnamed run.
        resume: Take up an existing run; where there is none yet, a new one is begun.
        force: Remove an existing run first.

    Raises:
        ConfigError: The folder holds a run and neither flag is given, holds something else, or the resumed run's
            configuration differs in a key that would change its trajectory.
    """
    path = Path(config.run_dir) if config.run_dir is not None else _unused(Path(default), resume=resume)
    exists = has_started(path)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"run_dir={path} is a file, expected a folder")
    if exists and force:
        _remove_run(path)
    elif exists and resume:
        _check_same(config, path)
    elif exists:
        raise ConfigError(f"run_dir={path} already holds a run; add --resume to go on with it or --force to replace it")
    elif path.exists() and any(entry.name not in _CONTENTS for entry in path.iterdir()):
        raise ConfigError(f"run_dir={path} holds other files and no run; name an empty or new folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"run_dir={path} cannot be made: {error.strerror or error}; name another folder") from error
    folder = RunFolder(path, is_resumed=exists and resume and not force)
    (path / "env.json").write_text(json.dumps(_environment(), indent=2) + "\n")
    folder.config.write_text(to_yaml(config.model_copy(update={"run_dir": str(path)})))
    return folder


def has_started(path: Path) -> bool:
    """Return whether a folder holds a run with something to lose: a finished evaluation or step, or stored rollouts.

    A run that was refused for its input leaves its configuration behind, which may be written over.
    """
    return (path / CONFIG).exists() and (
        (path / "metrics.jsonl").exists() or any((path / "rollouts").glob("run=*/*.parquet"))
    )


def _unused(path: Path, *, resume: bool) -> Path:
    if resume:
        return path
    candidates = (path.with_name(f"{path.name}-{n}") for n in range(2, 10_000))
    return path if not has_started(path) else next(c for c in candidates if not has_started(c))


def _remove_run(path: Path) -> None:
    for name in _CONTENTS:
        entry = path / name
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def _check_same(config: RunConfig, path: Path) -> None:
    before, now = _flat(read_yaml(path / CONFIG)), _flat(config.model_dump(mode="json"))
    changed = [key for key in now if now[key] != before.get(key) and not key.startswith(_CHANGEABLE)]
    if changed:
        what = ", ".join(f"{key}={now[key]!r} (the run has {before.get(key)!r})" for key in changed)
        raise ConfigError(f"{path}: --resume cannot change {what}; give the run's own value or a new run_dir")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in values.items():
        result |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result


def _environment() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, str | None] = {}
    for package in ("twogrpo", "torch", "transformers", "polars"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine(), **versions}
