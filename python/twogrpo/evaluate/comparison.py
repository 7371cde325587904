"""Two models on the same problems: paired differences, because what makes a problem hard is hard for both."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from statistics import fmean
from typing import Any

import numpy as np

from twogrpo.errors import DataError
from twogrpo.evaluate.bootstrap import Estimate, estimates, sign_flip_p_value
from twogrpo.evaluate.scorecard import score_tables
from twogrpo.evaluate.scores import ProblemScores

__all__ = ["Comparison", "compare"]

_DECIMALS = 6


@dataclass(frozen=True)
class Comparison:
    """A model minus another, over the problems that both have answered."""

    problems: int
    differences: Mapping[str, Estimate]
    """By score, with a paired bootstrap interval; positive where the first model is better."""
    wins: int
    """Problems on which the first model's mean score is higher."""
    losses: int
    ties: int
    p_value: float
    """Of the difference in mean@k, two-sided, by random signs of the problems' differences."""

    def as_json(self) -> dict[str, Any]:
        """Return what comparison.json holds, numbers rounded to six decimals."""
        differences = {
            name: {
                **{key: round(value, _DECIMALS) for key, value in asdict(estimate).items()},
                "contains_zero": estimate.contains_zero,
            }
            for name, estimate in self.differences.items()
        }
        return {
            "problems": self.problems,
            "differences": differences,
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
            "p_value": round(self.p_value, _DECIMALS),
        }


def compare(
    model: Sequence[ProblemScores],
    other: Sequence[ProblemScores],
    *,
    ks: Sequence[int],
    resamples: int,
    seed: int,
) -> Comparison:
    """Return how much better one model is than another, with paired intervals over problems.

    Args:
        model: The scores of each problem.
        other: The other model's, on the same problems in the same order.
        ks: The k of pass@k, each at most the samples.
        resamples: Draws of the bootstrap and of the permutation test.
        seed: Of the draws.

    Raises:
        DataError: The problems are not the same.
    """
    pairs = [(left.prompt_id, right.prompt_id) for left, right in zip(model, other, strict=False)]
    if len(model) != len(other) or any(left != right for left, right in pairs):
        raise DataError(f"a paired comparison needs the same problems; found {len(model)} and {len(other)}, not equal")
    names, tables = score_tables(model, ks)
    _, other_tables = score_tables(other, ks)
    overall, _ = estimates(
        [tables[dataset] - other_tables[dataset] for dataset in tables], resamples=resamples, seed=seed
    )
    gains = [fmean(left.samples) - fmean(right.samples) for left, right in zip(model, other, strict=True)]
    return Comparison(
        problems=len(gains),
        differences=dict(zip(names, overall, strict=True)),
        wins=sum(gain > 0 for gain in gains),
        losses=sum(gain < 0 for gain in gains),
        ties=sum(gain == 0 for gain in gains),
        p_value=sign_flip_p_value(_by_dataset(model, gains), resamples=resamples, seed=seed),
    )


def _by_dataset(problems: Sequence[ProblemScores], gains: Sequence[float]) -> list["np.ndarray[Any, Any]"]:
    named = sorted(zip((problem.dataset for problem in problems), gains, strict=True), key=lambda pair: pair[0])
    return [np.array([gain for _, gain in group]) for _, group in groupby(named, key=lambda pair: pair[0])]
