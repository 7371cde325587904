"""What checking, recovering and repairing a store have found."""

import logging
from dataclasses import dataclass
from pathlib import Path

from twogrpo import _core

__all__ = ["CheckReport", "Problem", "Recovery", "check_folder", "recovery_of", "repair_folder", "warn_of"]

_logger = logging.getLogger("twogrpo.store")


@dataclass(frozen=True)
class Problem:
    """One thing that a check found.

    Attributes:
        path: The file.
        what: What is wrong with it.
        is_damage: Its rows are not those that were written, or cannot be read; False for what only stands beside the
            rows, such as a segment without its line in the log.
    """

    path: Path
    what: str
    is_damage: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class CheckReport:
    """What a check has seen: readable segments, their rows and bytes, superseded segments, and every problem.

    `tokenizers` are the hashes of the tokenizers that the segments were made with, where their footers tell.
    """

    segments: int
    superseded_segments: int
    rows: int
    bytes: int
    tokenizers: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class Recovery:
    """What opening for writing, or a repair, found of writers that had died, and did about it.

    Attributes:
        removed_temporaries: Files in the staging folder that were removed.
        relogged: Segments that had no line in the log.
        lost: Segments that the log knows and the store does not hold.
        quarantined: Damaged segments, moved to `_quarantine`, with what is wrong.
        damaged_lines: Lines of the log that were moved there.
        skipped: Living writers with something to mend, which was left alone.
        rewrote_marker: `_twogrpo/store.json` was missing or damaged; only a repair writes it anew.
    """

    removed_temporaries: int
    relogged: tuple[str, ...]
    lost: tuple[str, ...]
    quarantined: tuple[str, ...]
    damaged_lines: int = 0
    skipped: tuple[str, ...] = ()
    rewrote_marker: bool = False


def check_folder(path: Path, *, deep: bool) -> CheckReport:
    """Return what the core finds in a store's folder."""
    segments, superseded, rows, size, tokenizers, problems = _core.store_check(path, deep)
    found = tuple(Problem(*problem) for problem in problems)
    return CheckReport(segments, superseded, rows, size, tuple(tokenizers), found)


def repair_folder(path: Path, *, deep: bool) -> Recovery:
    """Return what the core has mended in a store's folder."""
    counts, (damaged_lines, skipped, rewrote_marker) = _core.store_repair(path, deep)
    removed, relogged, lost, quarantined = counts
    found = tuple(relogged), tuple(lost), tuple(quarantined)
    return Recovery(removed, *found, damaged_lines, tuple(skipped), rewrote_marker)


def recovery_of(writer: _core.StoreWriter) -> Recovery:
    """Return what opening a writer has found."""
    removed, relogged, lost, quarantined = writer.recovery
    return Recovery(removed, tuple(relogged), tuple(lost), tuple(quarantined), writer.damaged_lines)


def warn_of(recovery: Recovery) -> None:
    """Log what is lost or was set aside."""
    for name in recovery.lost:
        _logger.warning("segment %s is in the log and not in the store: its rollouts are lost", name)
    for name in recovery.quarantined:
        _logger.warning("segment moved to _quarantine: %s", name)
    if recovery.damaged_lines:
        _logger.warning("damaged lines of the log moved to _quarantine: %d", recovery.damaged_lines)
