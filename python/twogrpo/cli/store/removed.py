"""What prune and purge print."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twogrpo.rollouts.removal import Removal

__all__ = ["as_words", "removal_record"]


def as_words(removal: "Removal", *, dry_run: bool) -> str:
    """Return one line on what was removed, or would be."""
    files = f"{removal.removed:,} files removed, {removal.rewritten:,} rewritten"
    freed = f"{removal.rows:,} rollouts gone, {removal.bytes:,} bytes freed"
    return f"dry run, nothing was changed; it would be: {files}, {freed}" if dry_run else f"{files}, {freed}"


def removal_record(removal: "Removal", *, dry_run: bool) -> dict[str, object]:
    """Return the same as JSON has it, with every file."""
    return {
        "dry_run": dry_run,
        "removed": removal.removed,
        "rewritten": removal.rewritten,
        "rows": removal.rows,
        "bytes": removal.bytes,
        "verdicts": removal.verdicts,
        "quarantined": removal.quarantined,
        "files": [{**vars(file), "path": str(file.path)} for file in removal.files],
    }
