"""What the machine has left: memory of the device, and space on the file system of a folder."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.preflight.folder import existing_parent

if TYPE_CHECKING:
    import torch

__all__ = ["free_disk", "free_memory", "in_words"]

# Where a container's limit and use stand, cgroup 2 before cgroup 1.
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory(device: "torch.device") -> int | None:
    """Return the bytes that a new process could take on the device, or None where that cannot be told."""
    import psutil
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    limits = [
        room for room in (_container_room(Path(limit), Path(used)) for limit, used in _CGROUPS) if room is not None
    ]
    return min([int(psutil.virtual_memory().available), *limits])


def free_disk(path: Path) -> int:
    """Return the free bytes of the file system on which a path is or would be made."""
    return shutil.disk_usage(existing_parent(path)).free


def in_words(size_bytes: float) -> str:
    """Return a size in the unit that fits it, with two or three digits."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size_bytes >= factor:
            return (
                f"{size_bytes / factor:.3g} {unit}"
                if size_bytes < 1000 * factor
                else f"{size_bytes / factor:,.0f} {unit}"
            )
    return f"{size_bytes / 1e3:.0f} kB"


def _container_room(limit: Path, used: Path) -> int | None:
    try:
        # Without a limit the file says `max`.
        return int(limit.read_text()) - int(used.read_text())
    except (OSError, ValueError):
        return None
