"""A store's rollouts in few large files: a new store, while the old one stays as it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo import _core
from twogrpo.rollouts.verdict_tables import copy_verdicts

if TYPE_CHECKING:
    from twogrpo.store import RolloutStore

__all__ = ["Compaction", "compact"]


@dataclass(frozen=True)
class Compaction:
    """A store that was compacted, and what it was made from.

    Attributes:
        path: The new store.
        rows: Rollouts copied.
        segments_before: Segments read.
        segments_after: Segments written.
        bytes_before: Bytes of the segments read.
        bytes_after: Bytes of the segments written.
        superseded_segments: Segments that resumes had moved aside, left out.
        superseded_rows: Rollouts in them.
        lost: Segments that the log names and the store does not hold.
        verdicts: Rows of tables of verdicts copied.
    """

    path: Path
    rows: int
    segments_before: int
    segments_after: int
    bytes_before: int
    bytes_after: int
    superseded_segments: int
    superseded_rows: int
    lost: int
    verdicts: int


def compact(store: "RolloutStore", to: str | Path) -> Compaction:
    """Write the committed rollouts into a new store, 64 steps a file, and return what was written.

    The rows are the same, ids, attempts and steps included, and the verdicts that `reverify` has kept on them come
    along. No file of the old store is changed, so it may be read and written meanwhile. The new store takes its name
    when it is whole. Its runs take no more rollouts, as a resume could not move a part of a file aside.

    Args:
        store: What is compacted.
        to: The new store's folder, which must not be there yet.

    Raises:
        StoreError: The folder is there or lies inside the store, a segment is not as it was written, or a table of
            verdicts cannot be read.
    """
    target = Path(to).resolve()
    verdicts: list[int] = []

    def complete(made: Path) -> None:
        verdicts.append(copy_verdicts(store, type(store).open(made)))

    counts = _core.store_compact(store.path.resolve(), target, complete)
    return Compaction(target, *counts, *verdicts)
