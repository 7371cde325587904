"""One model's evaluation at one moment: mean@k, unbiased pass@k and greedy, with the answers behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from twogrpo.evaluate.answers import Answering, problem_scores
from twogrpo.evaluate.scores import DatasetScores, scores_by_dataset

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """Scores of one model, means over data sets of means over problems: a small data set counts as much as a large."""

    k: int
    """Samples a problem."""
    mean_at_k: float
    """Mean score of a sample."""
    pass_at_k: float
    """Share of problems that at least one of the k samples solves."""
    greedy: float
    """Mean score of the greedy answer; nan if none was asked for."""
    failed: int
    """Answers that count as 0 because scoring failed; 0 in a sound evaluation."""
    by_dataset: Mapping[str, DatasetScores]
    answers: "pl.DataFrame"
    """The answers as columns of the rollout store, by problem (group_id) and place (rollout_idx 0 to k - 1 the
    samples, k the greedy one)."""


def evaluate(answering: Answering) -> Evaluation:
    """Return the scores of the generator's model; it answers with the weights of its last `sync`.

    Raises:
        DataError: If there is nothing to evaluate or to sample, or nothing can be scored.
    """
    import polars as pl

    answers = pl.concat(list(answering.calls()))
    samples = answering.plan.samples
    by_dataset = scores_by_dataset(problem_scores(answers, samples))
    datasets = by_dataset.values()
    return Evaluation(
        k=samples,
        mean_at_k=fmean(scores.mean_at_k for scores in datasets),
        pass_at_k=fmean(scores.pass_at_k for scores in datasets),
        greedy=fmean(scores.greedy for scores in datasets),
        failed=sum(scores.failed for scores in datasets),
        by_dataset=by_dataset,
        answers=answers,
    )
