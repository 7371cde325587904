"""The folder of a run: what stands in it, and how it is made, taken up and written to."""

import json
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twogrpo.config import RunConfig, to_yaml
from twogrpo.config.difference import Difference
from twogrpo.errors import ConfigError
from twogrpo.store import RolloutStore
from twogrpo.train.folder_claim import FolderClaim, claim_folder
from twogrpo.train.folder_state import CONFIG, CONTENTS, has_started, inspect_run_folder

__all__ = ["RunFolder", "open_run_folder"]


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run.

    Attributes:
        path: The folder.
        is_resumed: An existing run is taken up.
        run_id: The run's name in its store; a resumed run keeps it when its folder has been renamed.
        claim: What tells whether the folder may be removed again if the run is refused.
        replaced: Where --force has put the run that was here, until the new one has begun.
        changes: Keys that a resumed run changes.
    """

    path: Path
    is_resumed: bool
    run_id: str
    claim: FolderClaim
    replaced: Path | None = None
    changes: tuple[Difference, ...] = ()

    @property
    def environment(self) -> Path:
        """Versions and the run's name; the first file of a run that begins."""
        return self.path / "env.json"

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
        _write(self.environment, json.dumps({"run_id": self.run_id, **_environment()}, indent=2) + "\n")
        _write(self.config, to_yaml(config.model_copy(update={"run_dir": str(self.path)})))
        self.claim.release()
        if self.replaced is not None:
            # Renamed first: from here on the new run is the one to keep, whatever interrupts the removal.
            gone = self.replaced.rename(self.replaced.with_name(f".removed-{self.replaced.name.rpartition('-')[2]}"))
            shutil.rmtree(gone)

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Leave what was found, if what runs inside fails before the run has begun.

        A run that --force was to replace comes back, and a folder that was made for this one goes again.
        """
        try:
            yield
        except BaseException:
            if self.replaced is not None and self.replaced.exists():
                self._put_back(self.replaced)
            self.claim.undo(CONTENTS, self._has_begun)
            raise

    def _has_begun(self) -> bool:
        return self.environment.exists() or self.config.exists() or has_started(self.path)

    def _put_back(self, replaced: Path) -> None:
        for name in CONTENTS:
            made = self.path / name
            if made.is_dir():
                shutil.rmtree(made)
            else:
                made.unlink(missing_ok=True)
        for entry in replaced.iterdir():
            entry.rename(self.path / entry.name)
        replaced.rmdir()

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json."""
        _write(self.path / "summary.json", json.dumps(summary, indent=2) + "\n")


def open_run_folder(config: RunConfig, *, default: str, resume: bool, force: bool) -> RunFolder:
    """Return the run's folder, made if it was not there; `RunFolder.begin` writes into it.

    A run that --force replaces is set aside, and removed once the new one has begun. The arguments are those of
    `inspect_run_folder`.

    Raises:
        ConfigError: As `inspect_run_folder`, or the folder cannot be made.
        StoreError: The run that is to be replaced is alive.
    """
    found = inspect_run_folder(config, default=default, resume=resume, force=force)
    path = found.path
    try:
        claim = claim_folder(path)
    except OSError as error:
        raise ConfigError(f"run_dir={path} cannot be made: {error.strerror or error}; name another folder") from error
    try:
        run_id = _run_id(path, is_resumed=found.is_resumed)
        replaced = _set_aside(path) if found.has_run and force else None
    except BaseException:
        claim.release()
        raise
    return RunFolder(path, found.is_resumed, run_id, claim, replaced, found.changes)


def _run_id(path: Path, *, is_resumed: bool) -> str:
    """Return the folder's name in letters, digits, dot, dash and underscore, or the name a resumed run began under."""
    if is_resumed:
        stored = [folder.name.removeprefix("run=") for folder in (path / "rollouts").glob("run=*")]
        begun_as = _begun_as(path / "env.json") or (stored[0] if len(stored) == 1 else None)
        if begun_as is not None:
            return begun_as
    return re.sub(r"[^A-Za-z0-9._-]", "-", path.resolve().name)


def _begun_as(environment: Path) -> str | None:
    try:
        run_id = json.loads(environment.read_text())["run_id"]
    except (OSError, ValueError, KeyError, TypeError):
        # Lost or damaged: the store knows the name as well.
        return None
    return run_id if isinstance(run_id, str) else None


def _set_aside(path: Path) -> Path:
    """Move a run's files into a folder of their own and return it; refused while a process writes the run."""
    if (path / "rollouts").exists():
        RolloutStore.open(path / "rollouts", run_id=_run_id(path, is_resumed=True), writer="w0").close()
    aside = Path(tempfile.mkdtemp(prefix=".replaced-", dir=path))
    for name in CONTENTS:
        if (path / name).exists():
            (path / name).rename(aside / name)
    return aside


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, so that a killed process leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


def _environment() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, str | None] = {}
    for package in ("twogrpo", "torch", "transformers", "polars"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine(), **versions}
