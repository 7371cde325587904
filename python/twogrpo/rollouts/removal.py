"""Rollouts that go: prune frees disk, purge removes a prompt.

Both lock every writer of a run out, and replace or remove one segment after the other, each in one step: a reader sees
the old one or the new one. Interrupted at any moment, the store is whole, and repeating the call does the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo import _core
from twogrpo.errors import ConfigError
from twogrpo.rollouts.verdict_tables import purge_verdicts

if TYPE_CHECKING:
    from twogrpo.store import RolloutStore

__all__ = ["FileChange", "Removal", "prune", "purge"]

_STEPS = 2**31
_PHASES = ("train", "eval", "replay", "imported")


@dataclass(frozen=True)
class FileChange:
    """What became of one file; without rows afterwards it is gone. In a dry run `bytes_after` is an estimate."""

    path: Path
    rows_before: int
    rows_after: int
    bytes_before: int
    bytes_after: int

    @property
    def is_removed(self) -> bool:
        """Whether the file is gone."""
        return self.bytes_after == 0


@dataclass(frozen=True)
class Removal:
    """What prune or purge has done, or would do.

    Attributes:
        files: Every file that was removed or rewritten.
        verdicts: Rows removed from tables of verdicts.
        quarantined: Files in the quarantine, which a purge does not reach.
    """

    files: tuple[FileChange, ...]
    verdicts: int = 0
    quarantined: int = 0

    @property
    def rows(self) -> int:
        """Rollouts removed."""
        return sum(file.rows_before - file.rows_after for file in self.files)

    @property
    def bytes(self) -> int:
        """Bytes freed."""
        return sum(file.bytes_before - file.bytes_after for file in self.files)

    @property
    def removed(self) -> int:
        """Files that are gone."""
        return sum(file.is_removed for file in self.files)

    @property
    def rewritten(self) -> int:
        """Files with fewer rows or values than before."""
        return len(self.files) - self.removed


def prune(
    store: "RolloutStore",
    *,
    superseded: bool = False,
    quarantine: bool = False,
    steps_before: int | None = None,
    phase: str | None = None,
    columns: Sequence[str] = (),
    dry_run: bool = False,
) -> Removal:
    """Remove what was chosen, and return what that was.

    `steps_before` and `phase` choose segments, together those that are both. They go whole, or with `columns` lose only
    the values of these; `columns` alone empties them in every segment. What is gone is noted in the store's log: a
    check does not report it, and appending it again does not bring it back.

    Args:
        store: What is pruned, every run in it.
        superseded: What resumes have moved aside goes.
        quarantine: What stands in the quarantine goes.
        steps_before: Only segments whose every step is before this one.
        phase: Only segments of this phase: train, eval, replay or imported.
        columns: Optional columns of the schema, such as `logprobs`, whose values go instead of the segments.
        dry_run: Change nothing.

    Raises:
        ConfigError: Nothing is chosen, or a number is out of range.
        DataError: A column is not optional, or not in the schema.
        StoreError: A living process writes one of the runs, or a segment is damaged.
    """
    if not (superseded or quarantine or columns or phase is not None or steps_before is not None):
        raise ConfigError(
            "nothing to prune is chosen; choose some of --superseded, --quarantine, --steps-before, --phase and "
            "--columns, in Python by the same names"
        )
    if phase is not None and phase not in _PHASES:
        raise ConfigError(f"phase={phase!r} is not known; expected one of {', '.join(_PHASES)}")
    if steps_before is not None and not 0 <= steps_before < _STEPS:
        raise ConfigError(f"steps_before={steps_before} is out of range; expected 0 to 2^31 - 1")
    changes = _core.store_prune(
        store.path,
        superseded=superseded,
        quarantine=quarantine,
        steps_before=steps_before,
        phase=phase,
        columns=list(columns),
        dry_run=dry_run,
    )
    return Removal(tuple(FileChange(*change) for change in changes))


def purge(store: "RolloutStore", prompt_ids: Sequence[str], *, dry_run: bool = False) -> Removal:
    """Remove every rollout of some prompts, and return what that was.

    Segments, what resumes have moved aside, and the tables of verdicts are rewritten without them. Not reached are
    files in the quarantine, checkpoints of models that were trained on them, and copies that were made of the store.

    Args:
        store: What the prompts are removed from, every run in it.
        prompt_ids: Values of the column `prompt_id`.
        dry_run: Change nothing.

    Raises:
        StoreError: A living process writes one of the runs, or a segment that holds them is damaged.
    """
    changes = _core.store_purge(store.path, list(prompt_ids), dry_run)
    quarantine = store.path / "_quarantine"
    return Removal(
        tuple(FileChange(*change) for change in changes),
        verdicts=purge_verdicts(store, prompt_ids, dry_run=dry_run),
        quarantined=len(list(quarantine.iterdir())) if quarantine.is_dir() else 0,
    )
