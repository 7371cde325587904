"""replay.json in a run folder: the stored batches that the run replays, so that a resumed run goes on with the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from twogrpo.errors import DataError
from twogrpo.rollouts.replayed_batches import StoredBatch

__all__ = ["PIN", "check_pinned", "read_pin", "write_pin"]

PIN = "replay.json"
_MEND = "put it back as it was, or begin a new run"


def write_pin(path: Path, source: str, batches: Sequence[StoredBatch]) -> None:
    """Write the file in one step, so that a killed process leaves none or a whole one.

    Args:
        path: The file.
        source: Where the rollouts are.
        batches: All that the run replays, in order.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    content = {"rollouts": source, "batches": [asdict(batch) for batch in batches]}
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)


def read_pin(path: Path) -> tuple[StoredBatch, ...] | None:
    """Return the batches that a run replays, None where it was never written.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({' '.join(str(error).split())}); {_MEND}") from error
    listed = content.get("batches") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(map(_is_batch, listed)):
        raise DataError(f"{path} is no list of replayed batches; {_MEND}")
    return tuple(StoredBatch(**each) for each in listed)


def check_pinned(found: StoredBatch, pinned: StoredBatch, source: Path) -> None:
    """Refuse a batch that is not the one that the run began with.

    Raises:
        DataError: Its rollouts have changed.
    """
    if found != pinned:
        raise DataError(
            f"{source}, run {pinned.run_id}, step {pinned.step}: its rollouts are not those that the run began to "
            "replay; put them back as they were, or begin a new run"
        )


def _is_batch(value: Any) -> bool:  # noqa: ANN401  # anything that JSON holds
    kinds = {field.name: field.type for field in fields(StoredBatch)}
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        return False
    return all(type(value[name]) is kind for name, kind in kinds.items())
