import pytest

from twogrpo.errors import DataError, TrainingError
from twogrpo.train.guard import FailureGuard


def check(guard, failed, ok, detail=None):
    guard.check([None] * failed + [1.0] * ok, ["error"] * failed + ["match"] * ok, detail)


def test_a_first_batch_of_failures_is_bad_input():
    with pytest.raises(DataError, match=r"all 4 rewards of the first batch failed \(boom\)"):
        check(FailureGuard(1.0), 4, 0, "boom")


def test_a_small_share_goes_on():
    guard = FailureGuard(0.01)
    for _ in range(20):
        check(guard, 1, 199)


def test_a_large_share_stops_from_the_200th_rollout_on():
    guard = FailureGuard(0.01)
    check(guard, 50, 149)
    with pytest.raises(TrainingError, match=r"25\.1% of the last 203"):
        check(guard, 1, 3)


def test_only_the_last_thousand_count():
    guard = FailureGuard(0.01)
    check(guard, 1, 99)
    check(guard, 0, 1000)
    check(guard, 0, 500)
    check(guard, 10, 490)
    with pytest.raises(TrainingError):
        check(guard, 1, 0)


def test_a_resumed_run_counts_what_came_before():
    guard = FailureGuard(0.01)
    guard.refill([(1, 199), (0, 200)])
    with pytest.raises(TrainingError, match=r"4\.8% of the last 418"):
        check(guard, 19, 0)


def test_a_whole_batch_that_fails_after_a_resume_is_not_the_first():
    guard = FailureGuard(1.0)
    guard.refill([(0, 4)])
    check(guard, 4, 0)


def test_a_run_that_was_mended_goes_on():
    guard = FailureGuard(0.01)
    guard.refill([(100, 200)])
    check(guard, 0, 4)
