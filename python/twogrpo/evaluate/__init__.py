"""Evaluation on held-out problems: mean@k, unbiased pass@k, and greedy answers beside them."""

from twogrpo.evaluate.evaluation import Evaluation, evaluate
from twogrpo.evaluate.scores import DatasetScores, pass_at_k

__all__ = ["DatasetScores", "Evaluation", "evaluate", "pass_at_k"]
