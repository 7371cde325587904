"""From scored samples to numbers: mean@k, pass@k and greedy accuracy, for each data set and over them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from twogrpo.errors import DataError

__all__ = ["DatasetScores", "ProblemScores", "pass_at_k", "scores_by_dataset"]

# A sample solves its problem if it scores at least this.
_SOLVED = 1.0


@dataclass(frozen=True)
class ProblemScores:
    """The scores of one problem: 1 or 0 for a verdict, else the reward; 0 where scoring failed."""

    dataset: str
    prompt_id: str
    samples: tuple[float, ...]
    greedy: float
    """nan if no greedy answer was asked for."""
    failed: int
    """How many of the scores, the greedy one included, are 0 only because scoring failed."""
    cut: int
    """How many samples were cut at the token limit."""
    tokens: int
    """Tokens of the samples together, end tokens included."""

    @property
    def solved(self) -> int:
        """How many samples solve the problem."""
        return sum(score >= _SOLVED for score in self.samples)


@dataclass(frozen=True)
class DatasetScores:
    """Means over the problems of one data set."""

    problems: int
    mean_at_k: float
    pass_at_k: float
    greedy: float
    """nan if no greedy answers were asked for."""
    failed: int
    """Answers that count as 0 because scoring failed."""


def pass_at_k(samples: int, solved: int, k: int) -> float:
    """Return the unbiased estimate of solving a problem within k tries, 1 - C(n - c, k) / C(n, k).

    Args:
        samples: Independent tries made, n.
        solved: How many of them were right, c, at most n.
        k: Tries allowed, from 1 to n.

    Raises:
        DataError: If the numbers do not fit each other.
    Source: arXiv:2107.03374, Eq. 1; computed in whole numbers.
    """
    if not (1 <= k <= samples and 0 <= solved <= samples):
        raise DataError(
            f"pass@{k} of {solved} right among {samples} samples is undefined; expected 1 <= k <= samples and "
            "0 <= right <= samples"
        )
    return 1 - math.comb(samples - solved, k) / math.comb(samples, k)


def scores_by_dataset(problems: Sequence[ProblemScores]) -> dict[str, DatasetScores]:
    """Return the scores of each data set, in the order in which the data sets first occur."""
    names = dict.fromkeys(problem.dataset for problem in problems)
    return {name: _scores([problem for problem in problems if problem.dataset == name]) for name in names}


def _scores(problems: Sequence[ProblemScores]) -> DatasetScores:
    return DatasetScores(
        problems=len(problems),
        mean_at_k=fmean(fmean(problem.samples) for problem in problems),
        pass_at_k=fmean(pass_at_k(len(each.samples), each.solved, len(each.samples)) for each in problems),
        greedy=fmean(problem.greedy for problem in problems),
        failed=sum(problem.failed for problem in problems),
    )
