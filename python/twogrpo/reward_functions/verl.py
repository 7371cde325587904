"""Reward functions for verl, which loads them by the name of this module.

    custom_reward_function.path=pkg://twogrpo.reward_functions.verl
    custom_reward_function.name=compute_score
    +custom_reward_function.reward_kwargs.profile=rl

`compute_score` is for its managers that score a response at a time (`naive`, `dapo`), `compute_score_batched` for
`batch`. Both may be called from any thread.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from twogrpo.reward_functions.gold import gold_texts, warn_of_gold
from twogrpo.verifier import verify, verify_batch

__all__ = ["Score", "compute_score", "compute_score_batched"]

Score: TypeAlias = dict[str, float | str]
"""What verl logs, by its names.

`score`, `acc` (1 for a right answer), `pred` (the answer, for votes), `status`, and `failed`: 1 where the gold answer
cannot be read.
"""


def compute_score(
    data_source: str,  # noqa: ARG001  # the rules are the same for every data set
    solution_str: str,
    ground_truth: object,
    extra_info: Mapping[str, object] | None = None,  # noqa: ARG001
    *,
    profile: str = "rl",
    mode: str = "response",
    unscored: float = 0.0,
    **_: object,
) -> Score:
    """Return the score of a response: 1 if its answer is right, else 0.

    Args:
        data_source: Not used.
        solution_str: The response.
        ground_truth: The gold answer: text, a number, or a list or array of acceptable ones.
        extra_info: Not used.
        profile: As in `twogrpo.verify`.
        mode: As in `twogrpo.verify`.
        unscored: The score where the gold answer cannot be read; verl cannot leave a response out. Each such gold is
            logged once.

    Raises:
        DataError: If the gold answer is neither text nor a number nor a list of these.
        VerifyError: If profile or mode is unknown.
    """
    golds = gold_texts(ground_truth, "ground_truth")
    verdict = verify(solution_str, golds, profile=profile, mode=mode)
    return _score(verdict.status, verdict.reward, verdict.extracted, golds, unscored)


def compute_score_batched(
    data_sources: Sequence[str],  # noqa: ARG001  # the rules are the same for every data set
    solution_strs: Sequence[str],
    ground_truths: Sequence[object],
    extra_infos: Sequence[Mapping[str, object]] | None = None,  # noqa: ARG001
    *,
    profile: str = "rl",
    mode: str = "response",
    unscored: float = 0.0,
    **_: object,
) -> list[Score]:
    """Return what `compute_score` returns for each response, computed on several threads."""
    golds = [gold_texts(gold, f"ground_truth of row {row}") for row, gold in enumerate(ground_truths)]
    verdicts = verify_batch(solution_strs, golds, profile=profile, mode=mode)
    rows = zip(verdicts["status"], verdicts["reward"], verdicts["extracted"], golds, strict=True)
    return [_score(status, reward, extracted, gold, unscored) for status, reward, extracted, gold in rows]


def _score(status: str, reward: float | None, extracted: str | None, golds: list[str], unscored: float) -> Score:
    if reward is None:
        warn_of_gold(status, tuple(golds), unscored)
    return {
        "score": unscored if reward is None else reward,
        "acc": reward or 0.0,
        "pred": extracted or "",
        "status": status,
        "failed": float(reward is None),
    }
