"""The mathematics: group advantages, the clipped policy objective, direct preference optimisation.

Pure functions of tensors that know neither models nor files. Tensors carry axis suffixes: P prompts, G members of a
group, B sequences, T tokens, N pairs. Losses return `(loss, metrics)`, where every metric is a detached sum, so that
the metrics of micro-batches add up as their losses do. Symbols and equation numbers are those of arXiv:2510.00977.
"""

from twogrpo.objectives.advantages import StdName, group_advantages
from twogrpo.objectives.policy import AggregateName, contributes, policy_loss
from twogrpo.objectives.preference import dpo_loss
from twogrpo.objectives.ratios import LevelName, effective_share, importance_weights

__all__ = [
    "AggregateName",
    "LevelName",
    "StdName",
    "contributes",
    "dpo_loss",
    "effective_share",
    "group_advantages",
    "importance_weights",
    "policy_loss",
]
