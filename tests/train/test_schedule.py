import pytest

from twogrpo.train.schedule import learning_rate


def rate(update, schedule="constant", warmup=10, total=100):
    return learning_rate(update, peak=1.0, warmup_updates=warmup, total_updates=total, schedule=schedule)


def test_warm_up_rises_linearly_and_never_starts_at_zero():
    assert [rate(update) for update in range(10)] == pytest.approx([0.1 * (n + 1) for n in range(10)])


def test_constant_stays_at_the_peak():
    assert {rate(update) for update in (9, 10, 50, 99)} == {1.0}


def test_linear_falls_to_zero_after_the_last_step():
    assert rate(50, "linear") == pytest.approx(0.5)
    assert rate(100, "linear") == 0.0


def test_cosine_is_half_way_down_in_the_middle():
    assert rate(50, "cosine") == pytest.approx(0.5)
    assert rate(100, "cosine") == pytest.approx(0.0)


def test_no_warm_up_starts_at_the_peak():
    assert rate(0, warmup=0) == 1.0
