"""The embedded task: written addition and subtraction, three families, split once and for all by a hash.

What a problem is, which problems exist and which split each belongs to. How they are solved in writing is in
`demonstrations`; nothing here knows tokens or models.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, zip_longest
from typing import Literal

__all__ = ["FAMILIES", "Family", "Problem", "Split", "canonical_problems", "problems", "split_of"]

Family = Literal["add", "sub", "add3"]
Split = Literal["train", "validation", "test"]

FAMILIES: tuple[Family, ...] = ("add", "sub", "add3")

# Of the 405,450 sums of two three-digit numbers one in this many is kept, so that no family outweighs the others.
_ADD3_THINNING = 90
_TRAIN_PERCENT = 65
_VALIDATION_PERCENT = 10


@dataclass(frozen=True)
class Problem:
    """One problem as it is shown: `left` and `right` of an addition may stand in either order."""

    family: Family
    left: int
    right: int

    @property
    def question(self) -> str:
        """The text of the problem, such as ``12+34``."""
        sign = "-" if self.family == "sub" else "+"
        return f"{self.left}{sign}{self.right}"

    @property
    def answer(self) -> int:
        """The result, never negative."""
        return self.left - self.right if self.family == "sub" else self.left + self.right

    @property
    def dataset(self) -> str:
        """The name under which results are grouped, such as ``tiny/add``."""
        return f"tiny/{self.family}"

    @property
    def canonical(self) -> "Problem":
        """The problem whose hash decides on the split: the smaller number of an addition first."""
        if self.family == "sub" or self.left <= self.right:
            return self
        return self.swapped

    @property
    def swapped(self) -> "Problem":
        """The same two numbers in the other order."""
        return replace(self, left=self.right, right=self.left)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


@cache
def canonical_problems(family: Family) -> tuple[Problem, ...]:
    """Return every problem of a family once, in numeric order; 4,095, 4,095 and 4,454 of them."""
    if family == "add":
        return tuple(Problem("add", a, b) for a in range(10, 100) for b in range(a, 100))
    if family == "sub":
        return tuple(Problem("sub", a, b) for a in range(10, 100) for b in range(10, a + 1))
    return tuple(
        Problem("add3", a, b)
        for a in range(100, 1000)
        for b in range(a, 1000)
        if _hash(f"thin add3 {a} {b}") % _ADD3_THINNING == 0
    )


def split_of(problem: Problem) -> Split:
    """Return the split of a problem: the same on every machine, for every seed and for either order of display."""
    shown = problem.canonical
    percent = _hash(f"{shown.family} {shown.left} {shown.right}") % 100
    if percent < _TRAIN_PERCENT:
        return "train"
    return "validation" if percent < _TRAIN_PERCENT + _VALIDATION_PERCENT else "test"


def problems(split: Split, *, seed: int, per_family: int | None = None) -> list[Problem]:
    """Return problems of a split in a seeded order, additions shown in either order, the families taking turns.

    Args:
        split: Which part of the canonical problems to draw from.
        seed: Decides on the selection, its order, and the order of display.
        per_family: How many of each family, none twice; all of them if not given.

    Returns:
        Distinct problems. Every prefix holds the families in nearly equal shares for as long as each has some left.
    """
    rng = random.Random(f"tiny problems {split} {seed}")
    columns = [_drawn(family, split, rng)[:per_family] for family in FAMILIES]
    return [problem for problem in chain.from_iterable(zip_longest(*columns)) if problem is not None]


def _drawn(family: Family, split: Split, rng: random.Random) -> list[Problem]:
    drawn = [problem for problem in canonical_problems(family) if split_of(problem) == split]
    drawn = rng.sample(drawn, len(drawn))
    if family == "sub":
        return drawn
    return [rng.choice((problem, problem.swapped)) for problem in drawn]
