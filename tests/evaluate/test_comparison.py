import json
import random

import pytest

from twogrpo.errors import DataError
from twogrpo.evaluate.comparison import compare
from twogrpo.evaluate.scores import ProblemScores


def problems(rows, dataset="a"):
    return [
        ProblemScores(dataset, f"{dataset}{place}", samples, samples[0], failed=0, cut=0, tokens=2)
        for place, samples in enumerate(rows)
    ]


def compared(model, other, **named):
    return compare(model, other, ks=(1, 2), **{"resamples": 500, "seed": 0, **named})


GOOD = problems([(1.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)])
WEAK = problems([(1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (1.0, 1.0)])


def test_a_model_against_itself_differs_by_exactly_nothing():
    found = compared(GOOD, GOOD)
    assert {(each.value, each.low, each.high) for each in found.differences.values()} == {(0.0, 0.0, 0.0)}
    assert (found.wins, found.losses, found.ties, found.p_value) == (0, 0, 4, 1.0)


def test_a_better_model_gains():
    found = compared(GOOD, WEAK)
    assert found.differences["mean_at_2"].value == 0.25
    assert (found.wins, found.losses, found.ties) == (2, 1, 1)


def test_the_other_way_round_every_sign_turns():
    there, back = compared(GOOD, WEAK), compared(WEAK, GOOD)
    for name, gain in there.differences.items():
        turned = back.differences[name]
        assert (gain.value, gain.low, gain.high) == pytest.approx((-turned.value, -turned.high, -turned.low))
    assert (there.wins, there.losses, there.p_value) == (back.losses, back.wins, back.p_value)


def test_pairing_tells_apart_what_intervals_of_their_own_would_not():
    rng = random.Random(0)
    hard = [rng.random() for _ in range(200)]
    other = problems([(value, value) for value in hard])
    model = problems([(value + 0.01, value + 0.01) for value in hard])
    gain = compared(model, other).differences["mean_at_2"]
    assert (gain.low, gain.high) == pytest.approx((0.01, 0.01))
    assert not gain.contains_zero


def test_an_interval_that_contains_zero_says_so():
    found = compared(GOOD, WEAK)
    assert found.differences["mean_at_2"].contains_zero
    assert json.loads(json.dumps(found.as_json()))["differences"]["mean_at_2"]["contains_zero"] is True


def test_a_difference_over_data_sets_is_the_mean_of_theirs():
    model = [*problems([(1.0, 1.0)] * 3), *problems([(0.0, 0.0)], "b")]
    other = [*problems([(0.0, 0.0)] * 3), *problems([(1.0, 1.0)], "b")]
    assert compared(model, other).differences["mean_at_2"].value == 0.0


@pytest.mark.parametrize("other", [WEAK[:3], WEAK[::-1], []])
def test_other_problems_are_refused(other):
    with pytest.raises(DataError, match="needs the same problems"):
        compared(GOOD, other)
