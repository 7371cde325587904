"""A run folder that is made, and removed again if its run is refused before it has begun.

Every process that opens the folder holds a shared lock on the folder itself until its run has begun. Who made the
folder removes it only under the exclusive lock, so that no other process has it open.
"""

import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FolderClaim", "claim_folder"]


@dataclass
class FolderClaim:
    """A folder that this process has open.

    Attributes:
        path: The folder.
        made: What this process has made for it, the folder itself first, then its parents; empty if it was there.
    """

    path: Path
    made: tuple[Path, ...]
    _lock: int | None = field(repr=False)

    def release(self) -> None:
        """Keep the folder; releasing twice is no error."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def undo(self, contents: Collection[str], has_begun: Callable[[], bool]) -> None:
        """Remove the folder if this process has made it, nobody else has it open and no run has begun in it.

        Args:
            contents: Names of what a run makes; a folder that holds anything else is kept.
            has_begun: Whether a run has begun; asked when nobody else can begin one.
        """
        # What cannot be removed is a folder without a run; the error that is under way says more.
        with suppress(OSError):
            if self.path in self.made and self._is_alone() and not has_begun():
                self._remove(contents)
        self.release()

    def _is_alone(self) -> bool:
        if self._lock is None:
            return False
        import fcntl

        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True

    def _remove(self, contents: Collection[str]) -> None:
        entries = list(self.path.iterdir())
        if any(entry.name not in contents for entry in entries):
            return
        for entry in entries:
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for folder in self.made:
            # Stops at the first that somebody else has put something into.
            folder.rmdir()


def claim_folder(path: Path) -> FolderClaim:
    """Return a hold on a folder, made with its parents if it was not there.

    Raises:
        OSError: The folder cannot be made.
    """
    while True:
        made = _make(path)
        lock = _lock(path)
        # Whoever had made it may have removed it before the lock was there.
        if path.is_dir() if lock is None else _is_at(path, lock):
            return FolderClaim(path, made, lock)
        if lock is not None:
            os.close(lock)


def _make(path: Path) -> tuple[Path, ...]:
    """Make a folder and return those that were not there, the innermost first."""
    made: list[Path] = []
    for folder in reversed([path, *path.parents]):
        try:
            folder.mkdir()
        except OSError:
            if not folder.is_dir():
                raise
        else:
            made.insert(0, folder)
    return tuple(made)


def _lock(path: Path) -> int | None:
    """Return the folder, open under a shared lock; None on Windows and on file systems without locks."""
    if os.name == "nt":
        return None
    import fcntl

    folder = None
    try:
        folder = os.open(path, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_SH)
    except OSError:
        if folder is not None:
            os.close(folder)
        return None
    return folder


def _is_at(path: Path, folder: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(folder))
    except FileNotFoundError:
        return False
