"""A run folder that is made, and removed again if its run is refused before it has begun.

Every process that opens the folder holds a shared lock on the folder itself until its run has begun. Who made the
folder removes it only under the exclusive lock, so that no other process has it open.
"""

import os
import shutil
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FolderClaim", "claim_folder"]

# Each loses against a process that removes the folder at that moment.
ATTEMPTS = 1000


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
    parents: set[Path] = set()
    for attempt in range(ATTEMPTS):
        made: set[Path] = set()
        try:
            _make(path, made)
            lock = _lock(path)
        except FileNotFoundError:
            # Another process has removed a moment ago what it had made.
            if attempt + 1 == ATTEMPTS:
                raise
        else:
            if lock is None or _is_at(path, lock):
                innermost_first = sorted(made | parents, key=lambda folder: len(folder.parts), reverse=True)
                return FolderClaim(path, tuple(innermost_first), lock)
            os.close(lock)
        parents |= made - {path}
    raise FileNotFoundError(f"{path} is made and removed by other processes again and again")


def _make(path: Path, made: set[Path]) -> None:
    """Make a folder, and add to `made` what was not there.

    Raises:
        FileNotFoundError: A parent is gone again.
    """
    for folder in reversed([path, *path.parents]):
        try:
            folder.mkdir()
        except FileExistsError:
            if not _was_folder(folder):
                raise
        except OSError:
            # A disk that is read only may say so before it says what is there.
            if not folder.is_dir():
                raise
        else:
            made.add(folder)


def _was_folder(path: Path) -> bool:
    """Return whether a folder is there, or was a moment ago: what is gone somebody has removed."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return not path.is_symlink()


def _lock(path: Path) -> int | None:
    """Return the folder, open under a shared lock; None on Windows and on file systems without locks.

    Raises:
        FileNotFoundError: The folder is gone.
    """
    if os.name == "nt":
        return None
    import fcntl

    folder = None
    try:
        folder = os.open(path, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_SH)
    except FileNotFoundError:
        raise
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
