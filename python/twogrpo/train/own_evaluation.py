"""The evaluation of the checkpoint that a resumed run starts from: it was made of these weights, and need not be again.

Rollouts and metrics of the checkpoint's step and later are made again by a resumed run. The evaluation after as many
steps is of the checkpoint's own weights, and stays; unless the section `eval` has changed since, in which case it is
made again.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twogrpo.config import RunConfig
    from twogrpo.monitor import MetricsLog
    from twogrpo.train.run_folder import RunFolder

__all__ = ["OwnEvaluation", "find_own_evaluation"]

# When evaluations are made says nothing about what they are.
_SCHEDULE = "eval.every_steps"


@dataclass(frozen=True)
class OwnEvaluation:
    """A finished evaluation of the weights that a resumed run starts from.

    Attributes:
        step: Steps made before it.
        is_current: It is what the section `eval` still asks for.
    """

    step: int
    is_current: bool


def find_own_evaluation(
    folder: "RunFolder", metrics: "MetricsLog", config: "RunConfig", step: int
) -> OwnEvaluation | None:
    """Return the evaluation of a resumed run's own checkpoint, or None if none was finished.

    Args:
        folder: The run's folder, with the keys that the resume changes.
        metrics: Has a line for each finished evaluation.
        config: The run as it goes on.
        step: Step of the checkpoint.
    """
    if not folder.is_resumed or not metrics.has_evaluation(step):
        return None
    has_changed = any(each.key.startswith("eval.") and each.key != _SCHEDULE for each in folder.changes)
    # A run that evaluates no longer keeps what it has.
    return OwnEvaluation(step, is_current=not has_changed or config.eval.data is None)
