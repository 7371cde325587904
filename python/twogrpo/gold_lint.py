r"""Whether gold answers can be judged: each must be understood, and accepted as an answer to itself.

A gold that is not understood matches its own text alone; every other answer to it fails to be judged, which has no
reward. Files are read, and problems compared, in `data_lint`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from twogrpo.errors import DataError
from twogrpo.verifier import answer_kinds, verify_batch

__all__ = ["GoldLint", "lint_golds"]

# Answers that are surely understood: whatever the gold is, one of them is not its text.
_PROBES = ("0", "1")


@dataclass(frozen=True)
class GoldLint:
    """What was found in the gold answers of rows: the indexes of rows, ascending, and the kinds of answers."""

    profile: str
    rows: int
    empty: tuple[int, ...]
    """Rows with a gold answer of nothing but white space."""
    unparsable: tuple[int, ...]
    """Rows on which a wrong answer has no reward, as a gold answer is not understood under the profile."""
    unverified: tuple[int, ...]
    r"""Rows with a gold answer that is not accepted when a response gives it in `\boxed{}`."""
    alternatives: tuple[int, ...]
    """Rows with more than one gold answer."""
    several_valued: tuple[int, ...]
    r"""Rows with a gold answer of several values, such as `1, 2` or `\pm 3`; a response has to name them all."""
    kinds: Mapping[str, int]
    """Gold answers by `twogrpo.verifier.answer_kinds`, the most frequent first."""

    @property
    def failing(self) -> tuple[int, ...]:
        """Rows that cannot be rewarded as they should be: empty, unparsable or unverified."""
        return tuple(sorted({*self.empty, *self.unparsable, *self.unverified}))


def lint_golds(golds: Sequence[Sequence[str]], *, profile: str) -> GoldLint:
    """Return what is to be said of the gold answers of rows under a profile.

    Args:
        golds: The acceptable answers of each row, at least one.
        profile: As in `twogrpo.verify`.

    Raises:
        DataError: If a row has no gold answer.
        VerifyError: If the profile is unknown.
    """
    without = next((row for row, answers in enumerate(golds) if not answers), None)
    if without is not None:
        raise DataError(f"golds[{without}] is empty; expected at least one gold answer a row")
    owners = [row for row, answers in enumerate(golds) for _ in answers]
    flat = [gold for answers in golds for gold in answers]
    kinds = answer_kinds(flat)
    empty = _rows(owners, (not gold.strip() for gold in flat))
    return GoldLint(
        profile=profile,
        rows=len(golds),
        empty=empty,
        unparsable=tuple(sorted(_unjudged(golds, profile).difference(empty))),
        unverified=_rows(owners, (not is_accepted for is_accepted in _accepted(flat, profile))),
        alternatives=tuple(row for row, answers in enumerate(golds) if len(answers) > 1),
        several_valued=_rows(owners, (kind == "list" for kind in kinds)),
        kinds=dict(Counter(kinds).most_common()),
    )


def _unjudged(golds: Sequence[Sequence[str]], profile: str) -> set[int]:
    """Return the rows on which judging a probe fails."""
    columns = [list(answers) for answers in golds]
    failed: set[int] = set()
    for probe in _PROBES:
        rewards = verify_batch([probe] * len(golds), columns, profile=profile, mode="answer")["reward"]
        failed.update(row for row, reward in enumerate(rewards) if reward is None)
    return failed


def _accepted(golds: list[str], profile: str) -> list[bool]:
    responses = [rf"\boxed{{{gold}}}" for gold in golds]
    accepted: list[bool] = verify_batch(responses, golds, profile=profile)["correct"].to_list()
    return accepted


def _rows(owners: list[int], flags: Iterable[bool]) -> tuple[int, ...]:
    return tuple(sorted({row for row, flag in zip(owners, flags, strict=True) if flag}))
