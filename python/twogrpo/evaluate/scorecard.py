"""What an evaluation came to: every score with its interval, for each data set and over them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from twogrpo.evaluate.bootstrap import Estimate, estimates
from twogrpo.evaluate.scores import ProblemScores, pass_at_k

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DatasetCard", "Scorecard", "score_tables", "scorecard"]

_DECIMALS = 6


@dataclass(frozen=True)
class DatasetCard:
    """The scores of one data set by name: mean_at_K, pass_at_k for every k, and greedy if it was asked for."""

    problems: int
    scores: Mapping[str, Estimate]


@dataclass(frozen=True)
class Scorecard:
    """The scores of a model, means over data sets of means over problems."""

    samples: int
    """Samples a problem."""
    problems: int
    scores: Mapping[str, Estimate]
    """By name: mean_at_K, pass_at_k for every k, and greedy if it was asked for."""
    failed: int
    """Answers that count as 0 because scoring failed; 0 in a sound evaluation."""
    cut_share: float
    """Share of the samples that were cut at the token limit."""
    response_tokens_mean: float
    """Mean length of a sample."""
    by_dataset: Mapping[str, DatasetCard]

    def as_json(self) -> dict[str, Any]:
        """Return what scores.json holds, numbers rounded to six decimals."""
        return {
            "samples": self.samples,
            "problems": self.problems,
            "scores": _rounded(self.scores),
            "failed_rewards": self.failed,
            "cut_share": round(self.cut_share, _DECIMALS),
            "response_tokens_mean": round(self.response_tokens_mean, _DECIMALS),
            "datasets": {
                name: {"problems": card.problems, "scores": _rounded(card.scores)}
                for name, card in self.by_dataset.items()
            },
        }


def scorecard(problems: Sequence[ProblemScores], *, ks: Sequence[int], resamples: int, seed: int) -> Scorecard:
    """Return the scores of one model with bootstrap intervals over problems.

    Args:
        problems: The scores of each problem, at least one, all with equally many samples.
        ks: The k of pass@k, each at most the samples.
        resamples: Draws of the bootstrap.
        seed: Of the draws.
    """
    names, tables = score_tables(problems, ks)
    overall, by_dataset = estimates(list(tables.values()), resamples=resamples, seed=seed)
    samples = len(problems[0].samples)
    return Scorecard(
        samples=samples,
        problems=len(problems),
        scores=dict(zip(names, overall, strict=True)),
        failed=sum(problem.failed for problem in problems),
        cut_share=fmean(problem.cut / samples for problem in problems),
        response_tokens_mean=fmean(problem.tokens / samples for problem in problems),
        by_dataset={
            dataset: DatasetCard(len(table), dict(zip(names, found, strict=True)))
            for (dataset, table), found in zip(tables.items(), by_dataset, strict=True)
        },
    )


def score_tables(
    problems: Sequence[ProblemScores], ks: Sequence[int]
) -> tuple[list[str], dict[str, "NDArray[np.float64]"]]:
    """Return the names of the scores, and for each data set the scores of its problems, shape (problems, scores)."""
    samples, has_greedy = len(problems[0].samples), not isnan(problems[0].greedy)
    names = [f"mean_at_{samples}", *(f"pass_at_{k}" for k in ks), *(["greedy"] if has_greedy else [])]
    rows: dict[str, list[list[float]]] = {}
    for each in problems:
        passes = [pass_at_k(samples, each.solved, k) for k in ks]
        row = [fmean(each.samples), *passes, *([each.greedy] if has_greedy else [])]
        rows.setdefault(each.dataset, []).append(row)
    return names, {dataset: np.array(table, dtype=np.float64) for dataset, table in rows.items()}


def _rounded(scores: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    return {
        name: {key: round(value, _DECIMALS) for key, value in asdict(estimate).items()}
        for name, estimate in scores.items()
    }
