"""Group ids for rollouts that come without any: by an explicit key, by a fixed size, or by prompts.

An id is made of the step and the group's place in it, so that it is unique in the run and the same whenever the same
rows are given again.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from twogrpo.errors import DataError

__all__ = ["GroupBy", "Grouper", "group_id"]

GroupBy = Literal["key", "size", "neighbours", "step"]
"""`key`: rows of one key; `size`: so many rows that follow each other; `neighbours`: rows of one prompt that follow
each other; `step`: all rows of one prompt in a step."""

_PLACES = 2**24
_MEMBERS = 2**15


def group_id(step: int, place: int) -> int:
    """Return the id of the group at a place of a step, both from 0: step * 2^24 + place.

    Raises:
        DataError: The step has more than 2^24 groups.
    """
    if place >= _PLACES:
        raise DataError(f"step {step} has more than {_PLACES:,} groups; give the rows a column of steps")
    return step * _PLACES + place


@dataclass
class _Group:
    place: int
    prompt: int
    members: int = 0


class Grouper:
    """Gives the rows of one step, as they come, their places.

    Args:
        by: What makes rows a group.
        size: Rows of a group, for `size`.
    """

    def __init__(self, by: GroupBy, size: int = 1) -> None:
        self._by, self._size = by, size
        self._open: dict[Hashable, _Group] = {}
        self._rows = 0
        self.groups = 0

    def is_between_groups(self, prompt: str) -> bool:
        """Return whether no row of an earlier group can follow, the next row included."""
        return self._by in ("size", "neighbours") and self._name(prompt, None) not in self._open

    def add(self, prompt: str, key: Hashable = None) -> tuple[int, int]:
        """Return the place of a row's group in the step, and the row's place in its group.

        Raises:
            DataError: The rows of a group have different prompts, or are too many.
        """
        name = self._name(prompt, key)
        group = self._open.get(name)
        if group is None:
            if self._by in ("size", "neighbours"):
                self._open.clear()
            group = self._open[name] = _Group(self.groups, hash(prompt))
            self.groups += 1
        elif group.prompt != hash(prompt):
            what = f"every {self._size} rows are one" if self._by == "size" else f"the key is {key!r}"
            raise DataError(f"another prompt than the row before it in its group ({what}); one group has one prompt")
        if group.members == _MEMBERS:
            raise DataError(f"a group of more than {_MEMBERS:,} rows; name the column that tells the groups apart")
        self._rows += 1
        group.members += 1
        return group.place, group.members - 1

    def _name(self, prompt: str, key: Hashable) -> Hashable:
        names: dict[GroupBy, Hashable] = {"key": key, "size": self._rows // self._size}
        return names.get(self._by, prompt)
