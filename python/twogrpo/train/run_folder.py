"""The folder of a run: what stands in it, when it may be written to, and what a resumed run may change."""

import json
import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twogrpo.config import RunConfig, to_yaml
from twogrpo.config.load import read_yaml
from twogrpo.errors import ConfigError
from twogrpo.store import RolloutStore

__all__ = ["RunFolder", "open_run_folder"]

CONFIG = "config.resolved.yaml"
_CONTENTS = (
    CONFIG,
    "env.json",
    "metrics.jsonl",
    "rollouts",
    "checkpoints",
    "summary.json",
    "tiny",
    "reference",
    "pairs.parquet",
)
# A resumed run may go on for longer, save, evaluate and print otherwise; everything else would change the trajectory.
_CHANGEABLE = ("train.steps", "train.epochs", "eval.", "log.", "checkpoint.", "run_dir")


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run.

    Attributes:
        path: The folder.
        is_resumed: An existing run is taken up.
        run_id: The run's name in its store; a resumed run keeps it when its folder has been renamed.
        replaced: Where --force has put the run that was here, until the new one has begun.
    """

    path: Path
    is_resumed: bool
    run_id: str
    replaced: Path | None = None

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

    def begin(self, config: RunConfig) -> None:
        """Write config.resolved.yaml and env.json, and drop the run that was replaced.

        Called with the store open for writing: its lock keeps a second process from a run that is alive.
        """
        _write(self.path / "env.json", json.dumps({"run_id": self.run_id, **_environment()}, indent=2) + "\n")
        _write(self.config, to_yaml(config.model_copy(update={"run_dir": str(self.path)})))
        if self.replaced is not None:
            shutil.rmtree(self.replaced)

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json."""
        _write(self.path / "summary.json", json.dumps(summary, indent=2) + "\n")


def open_run_folder(config: RunConfig, *, default: str, resume: bool, force: bool) -> RunFolder:
    """Return the run's folder, made if it was not there; `RunFolder.begin` writes into it.

    Args:
        config: The run's configuration; `run_dir` None takes `default`, or `default`-2 and on where that exists.
        default: Folder of an unnamed run.
        resume: Take up an existing run; where there is none yet, a new one is begun.
        force: Set an existing run aside, and remove it once the new one has begun.

    Raises:
        ConfigError: The folder holds a run and neither flag is given, holds something else, or the resumed run's
            configuration differs in a key that would change its trajectory.
        StoreError: The run that is to be replaced is alive.
    """
    if resume and force:
        raise ConfigError("--resume goes on with a run and --force replaces it; give one of them")
    path = Path(config.run_dir) if config.run_dir is not None else _unnamed(Path(default), resume=resume)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"run_dir={path} is a file, expected a folder")
    exists = has_started(path)
    if exists and not (resume or force):
        raise ConfigError(f"run_dir={path} already holds a run; add --resume to go on with it or --force to replace it")
    if exists and resume:
        if not (path / CONFIG).exists():
            raise ConfigError(f"run_dir={path} holds a run without {CONFIG}; put it back, or name another folder")
        _check_same(config, path)
    if not exists and path.exists() and any(_is_foreign(entry.name) for entry in path.iterdir()):
        raise ConfigError(f"run_dir={path} holds other files and no run; name an empty or new folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"run_dir={path} cannot be made: {error.strerror or error}; name another folder") from error
    run_id = _run_id(path, is_resumed=exists and resume)
    replaced = _set_aside(path, run_id) if exists and force else None
    return RunFolder(path, is_resumed=exists and resume, run_id=run_id, replaced=replaced)


def _run_id(path: Path, *, is_resumed: bool) -> str:
    """Return the folder's name in letters, digits, dot, dash and underscore, or the name a resumed run began under."""
    if is_resumed and (path / "env.json").exists():
        begun_as = json.loads((path / "env.json").read_text()).get("run_id")
        if isinstance(begun_as, str):
            return begun_as
    return re.sub(r"[^A-Za-z0-9._-]", "-", path.resolve().name)


def has_started(path: Path) -> bool:
    """Return whether a folder holds a run with something to lose: a finished evaluation or step, or stored rollouts.

    A run that was refused for its input leaves its folder behind, which may be used again.
    """
    return (path / "metrics.jsonl").exists() or any((path / "rollouts").glob("run=*/*.parquet"))


def _is_foreign(name: str) -> bool:
    return name not in _CONTENTS and not name.startswith(".")


def _unnamed(path: Path, *, resume: bool) -> Path:
    """Return the folder of a run without a name: the newest run to resume, else the first free one."""
    candidates = [path, *(path.with_name(f"{path.name}-{n}") for n in range(2, 10_000))]
    free = next(index for index, candidate in enumerate(candidates) if not has_started(candidate))
    return candidates[max(0, free - 1)] if resume else candidates[free]


def _set_aside(path: Path, run_id: str) -> Path:
    """Move a run's files into a folder of their own and return it; refused while a process writes the run."""
    if (path / "rollouts").exists():
        RolloutStore.open(path / "rollouts", run_id=run_id, writer="w0").close()
    aside = Path(tempfile.mkdtemp(prefix=".replaced-", dir=path))
    for name in _CONTENTS:
        if (path / name).exists():
            (path / name).rename(aside / name)
    return aside


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, so that a killed process leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


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
