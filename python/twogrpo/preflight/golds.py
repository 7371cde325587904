"""The section about the reward: golds that cannot be judged, or a reward function that fails on a real row."""

import logging
from dataclasses import dataclass

from twogrpo.config.sampling import RewardSection
from twogrpo.errors import DataError
from twogrpo.gold_lint import GoldLint, lint_golds
from twogrpo.preflight.problem_sets import ProblemSet
from twogrpo.preflight.report import Fact, Section, counted
from twogrpo.rewards import Reward

__all__ = ["Trial", "function_section", "golds_section", "lint_problems", "try_function"]

SHOWN_ROWS = 3


def lint_problems(found: ProblemSet, profile: str) -> GoldLint:
    """Return what is wrong with the golds of a file of problems.

    Raises:
        DataError: No gold at all can be judged, so that every reward of the first batch would fail.
    """
    lint = lint_golds([prompt.golds for prompt in found.prompts], profile=profile)
    if len(lint.unparsable) == lint.rows:
        raise DataError(
            f"{found.path}: none of the {lint.rows} golds in {found.gold_column} can be judged under "
            f"reward.profile={profile}, the first is {found.prompts[0].golds[0][:80]!r}; name another data.gold_column"
        )
    return lint


def golds_section(found: ProblemSet, lint: GoldLint, reward: RewardSection) -> Section:
    """Return how many golds are unusable, and whether that will stop the run.

    Args:
        found: The problems.
        lint: What was found in their golds.
        reward: The run's section `reward`.
    """
    kinds = {"empty": lint.empty, "unparsable": lint.unparsable, "unverified": lint.unverified}
    facts = [Fact("profile", reward.profile)]
    facts += [Fact(name, len(rows), _places(found, rows)) for name, rows in kinds.items()]
    warnings = []
    unverified = sorted({*lint.empty, *lint.unverified})
    if unverified:
        warnings.append(
            f"golds that do not verify as themselves: {len(unverified):,} of {counted(lint.rows, 'row')}; a right "
            "answer is not rewarded there, so the groups tie; `twogrpo lint` shows all of them"
        )
    share = len(lint.unparsable) / lint.rows
    if share > reward.max_failed_share:
        warnings.append(
            f"{share:.1%} of the golds cannot be judged, so about that share of rewards fails: training will stop at "
            f"reward.max_failed_share={reward.max_failed_share:.1%} once 200 rewards are in; take the rows out"
        )
    elif lint.unparsable:
        warnings.append(f"{share:.2%} of the golds cannot be judged: their groups teach nothing")
    return Section("reward", tuple(facts), tuple(warnings))


@dataclass(frozen=True)
class Trial:
    r"""What a reward function gave for the first problem, answered with its gold in `\boxed{}` and with nothing."""

    right: float | None
    empty: float | None
    error: str | None
    """Why the last one that failed did."""


def try_function(reward: Reward, found: ProblemSet) -> Trial:
    """Return what a reward function, which is the user's own code, gives on one real row.

    Raises:
        DataError: It fails on both responses, as it then would on a whole batch.
    """
    prompt = found.prompts[0]
    log = logging.getLogger("twogrpo.rewards")
    # What it logs of a failure is said in the report.
    log.disabled = True
    try:
        scores = [reward([prompt], [response]) for response in (_boxed(prompt.golds[0]), "")]
    finally:
        log.disabled = False
    right, empty = (each.rewards[0] for each in scores)
    error = next((each.error for each in reversed(scores) if each.error is not None), None)
    if right is None and empty is None:
        raise DataError(
            f"{error}; it was called with the problem of {found.places[0]}, once answered with "
            f"{_boxed(prompt.golds[0])} and once with nothing"
        )
    return Trial(right, empty, error)


def function_section(name: str, trial: Trial | None) -> Section:
    """Return what a reward function gave for the first problem.

    Args:
        name: Of the function.
        trial: What it gave; None where it could not be called.
    """
    facts = [Fact("function", name)]
    warnings = []
    if trial is not None:
        facts += [
            Fact("for_the_gold", trial.right, f"{_number(trial.right)}, for the first problem answered with its gold"),
            Fact("for_nothing", trial.empty, f"{_number(trial.empty)}, for an empty response"),
        ]
        if trial.error is not None:
            warnings.append(f"{trial.error}; a failed reward makes its whole group teach nothing")
        if trial.right is not None and trial.right == trial.empty:
            warnings.append("the function gives a right and an empty response the same reward")
    facts.append(Fact("golds", None, "not checked: the function decides what they mean"))
    return Section("reward", tuple(facts), tuple(warnings))


def _number(reward: float | None) -> str:
    return "failed" if reward is None else f"{reward:g}"


def _boxed(gold: str) -> str:
    return f"\\boxed{{{gold}}}"


def _places(found: ProblemSet, rows: tuple[int, ...]) -> str:
    if not rows:
        return "none"
    shown = [f"{found.places[row]}: {found.prompts[row].golds[0][:40]!r}" for row in rows[:SHOWN_ROWS]]
    more = [f"and {len(rows) - SHOWN_ROWS:,} more"] if len(rows) > SHOWN_ROWS else []
    return "\n".join([f"{len(rows):,}", *shown, *more])
