"""How far scores can be trusted: bootstrap intervals and a permutation test over problems.

Resampled are problems, within each data set. A problem's samples are averaged before, so that an interval covers both
the choice of problems and the luck of sampling answers to them. What it cannot show: with few problems (below about 30)
percentile intervals are too narrow, and where every problem scores the same the interval is a single point, although
one more problem could score otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Estimate", "estimates", "sign_flip_p_value"]

LEVEL = 0.95
# Most counts or signs that are drawn at once.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def contains_zero(self) -> bool:
        """Whether 0 is not excluded."""
        return self.low <= 0 <= self.high


def estimates(
    tables: Sequence["NDArray[np.float64]"], *, resamples: int, seed: int
) -> tuple[list[Estimate], list[list[Estimate]]]:
    """Return the mean of each score over data sets, and the means of each data set, with percentile intervals.

    A mean over data sets is the mean of their means: a small data set counts as much as a large one. Equal seeds and
    sizes draw the same problems, so that a table of differences is resampled in pairs.

    Args:
        tables: One table a data set, shape (problems, scores), each with at least one problem; nan in a column gives
            nan for that score.
        resamples: Draws of as many problems as there are, with replacement.
        seed: Of the draws.

    Returns:
        One estimate a score, and the same for each data set.
    """
    rng = np.random.default_rng(seed)
    draws = [_resampled_means(table, resamples, rng) for table in tables]
    means = [table.mean(axis=0) for table in tables]
    overall = _estimates(np.mean(means, axis=0), np.mean(draws, axis=0))
    return overall, [_estimates(mean, drawn) for mean, drawn in zip(means, draws, strict=True)]


def sign_flip_p_value(differences: Sequence["NDArray[np.float64]"], *, resamples: int, seed: int) -> float:
    """Return the two-sided p-value of a mean paired difference over data sets, by a permutation test.

    If the two models were the same, each problem's difference would have come with either sign; the p-value is the
    share of random signs that give a mean at least as far from 0, the observed one counted among them, so that it
    is never below 1 / (resamples + 1).

    Args:
        differences: One difference a problem, shape (problems,), for each data set.
        resamples: Draws of the signs.
        seed: Of the draws.
    """
    weights = np.concatenate([each / (len(each) * len(differences)) for each in differences])
    # A tie has no sign to flip.
    weights = weights[weights != 0]
    observed = abs(weights.sum())
    rng = np.random.default_rng(seed)
    as_far = 0
    for size in _blocks(resamples, max(1, len(weights))):
        signs = 2.0 * rng.integers(0, 2, size=(size, len(weights)), dtype=np.int8) - 1.0
        # Sums of equal differences in another order differ by rounding.
        as_far += int((np.abs(signs @ weights) >= observed - 1e-12).sum())
    return (as_far + 1) / (resamples + 1)


def _resampled_means(table: "NDArray[np.float64]", resamples: int, rng: np.random.Generator) -> "NDArray[np.float64]":
    """Return the means of so many draws of the problems, shape (resamples, scores)."""
    problems = len(table)
    shares = np.full(problems, 1 / problems)
    parts = [rng.multinomial(problems, shares, size=size) @ table / problems for size in _blocks(resamples, problems)]
    return np.concatenate(parts)


def _blocks(total: int, width: int) -> list[int]:
    size = max(1, _BLOCK // width)
    return [min(size, total - start) for start in range(0, total, size)]


def _estimates(means: "NDArray[np.float64]", draws: "NDArray[np.float64]") -> list[Estimate]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return [Estimate(float(m), float(a), float(b)) for m, a, b in zip(means, low, high, strict=True)]
