"""Evaluation on held-out problems: mean@k, unbiased pass@k, and greedy answers beside them."""

from twogrpo.evaluate.answers import Answering, AnswerPlan, problem_scores
from twogrpo.evaluate.evaluation import Evaluation, evaluate
from twogrpo.evaluate.scores import DatasetScores, ProblemScores, pass_at_k

__all__ = [
    "AnswerPlan",
    "Answering",
    "DatasetScores",
    "Evaluation",
    "ProblemScores",
    "evaluate",
    "pass_at_k",
    "problem_scores",
]
