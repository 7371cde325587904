"""When too many rewards fail, training stops instead of learning from what is left."""

from collections import deque
from collections.abc import Iterable, Sequence

from twogrpo.errors import DataError, TrainingError

__all__ = ["FailureGuard"]

WINDOW = 1_000
FIRST_CHECK = 200


class FailureGuard:
    """Counts failed rewards over the last 1,000 rollouts.

    A failure is a reward of None: an unparsable gold, a caught panic, a callable that raised. Nothing that the policy
    writes can fail, so a policy cannot stop its own training.
    """

    def __init__(self, max_failed_share: float) -> None:
        self._max_failed_share = max_failed_share
        self._recent: deque[bool] = deque(maxlen=WINDOW)

    def refill(self, batches: Iterable[tuple[int, int]]) -> None:
        """Count the batches, as (failed rewards, rollouts), that a resumed run made before it stopped."""
        for failed, rollouts in batches:
            self._recent.extend([True] * failed + [False] * (rollouts - failed))

    def check(self, rewards: Sequence[float | None], statuses: Sequence[str | None], detail: str | None) -> None:
        """Count one batch.

        Args:
            rewards: One a rollout; None failed.
            statuses: Why, one a rollout.
            detail: What a reward function raised, if it did.

        Raises:
            DataError: Every reward of the first batch failed: the data or the reward function is wrong.
            TrainingError: The failed share is above `reward.max_failed_share`.
        """
        is_first = not self._recent
        failed = [value is None for value in rewards]
        self._recent.extend(failed)
        reasons = ", ".join(sorted({status or "?" for status, bad in zip(statuses, failed, strict=True) if bad}))
        because = detail or reasons
        if is_first and failed and all(failed):
            msg = f"all {len(failed)} rewards of the first batch failed ({because}); check the golds or reward.function"
            raise DataError(msg)
        share = sum(self._recent) / max(1, len(self._recent))
        # A batch without a failure goes on whatever came before: the cause has been mended.
        if any(failed) and len(self._recent) >= FIRST_CHECK and share > self._max_failed_share:
            msg = (
                f"{share:.1%} of the last {len(self._recent)} rewards failed ({because}), more than "
                f"reward.max_failed_share={self._max_failed_share:.1%}; mend the golds or the function, then --resume"
            )
            raise TrainingError(msg)
