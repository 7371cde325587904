"""What was written, put on the disk."""

import os
from pathlib import Path

__all__ = ["sync"]


def sync(path: Path) -> None:
    """Return when a file's bytes, or the names in a folder, are on the disk."""
    # Windows can neither open nor sync a folder.
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
