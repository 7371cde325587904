import math

import pytest
import torch

from twogrpo.errors import ConfigError, DataError
from twogrpo.objectives import effective_share, importance_weights

MASK_BT = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
# pi_old / mu: 0.5 and 4 in row 0, 1 in row 1; what stands behind the mask is never read.
RATIOS_BT = torch.tensor([[0.5, 4.0, math.nan], [1.0, math.inf, 0.0], [math.nan, 1.0, 1.0]], dtype=torch.float64)


def weigh(level, cap):
    behaviour_BT = torch.full((3, 3), -2.0, dtype=torch.float64)
    return importance_weights(RATIOS_BT.log() - 2.0, behaviour_BT, MASK_BT, level=level, cap=cap)


def test_token_weights_by_hand():
    torch.testing.assert_close(
        weigh("token", 2.0)[0], torch.tensor([[0.5, 2.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    )


def test_sequence_weights_are_products_by_hand():
    torch.testing.assert_close(
        weigh("sequence", 1.5)[0],
        torch.tensor([[1.5, 1.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64),
    )


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (
            "token",
            {"weights": 3, "weight_sum": 3.5, "weight_square_sum": 5.25, "truncated_weights": 1, "truncated_mass": 2},
        ),
        (
            "sequence",
            {"weights": 2, "weight_sum": 3, "weight_square_sum": 5, "truncated_weights": 0, "truncated_mass": 0},
        ),
    ],
)
def test_metrics_are_sums_over_the_weights_made(level, expected):
    assert {name: float(value) for name, value in weigh(level, 2.0)[1].items()} == pytest.approx(expected)


def test_equal_policies_have_weights_of_one():
    logps_BT = torch.randn(3, 3)
    for level in ("token", "sequence"):
        assert torch.equal(importance_weights(logps_BT, logps_BT, MASK_BT, level=level, cap=2.0)[0], MASK_BT.float())


def test_weights_carry_no_graph():
    logps_BT = torch.zeros(3, 3, requires_grad=True)
    assert not importance_weights(logps_BT, logps_BT - 1, MASK_BT, level="token", cap=2.0)[0].requires_grad


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_absurd_ratios_stay_finite_in_float32(level):
    weights_BT, metrics = importance_weights(
        torch.zeros(3, 3), torch.full((3, 3), -1e4), MASK_BT, level=level, cap=math.inf
    )
    assert torch.isfinite(weights_BT).all()
    assert all(torch.isfinite(value) for value in metrics.values())


def test_effective_share_is_one_for_equal_weights():
    assert effective_share(weights=4, weight_sum=2.0, weight_square_sum=1.0) == 1.0


def test_effective_share_is_one_over_n_where_one_weight_is_all():
    assert effective_share(weights=4, weight_sum=3.0, weight_square_sum=9.0) == 0.25


def test_effective_share_of_nothing_is_one():
    assert effective_share(weights=0, weight_sum=0.0, weight_square_sum=0.0) == 1.0


def test_bad_settings_are_refused():
    logps_BT = torch.zeros(3, 3)
    with pytest.raises(ConfigError, match="use token or sequence"):
        importance_weights(logps_BT, logps_BT, MASK_BT, level="row", cap=2.0)
    with pytest.raises(ConfigError, match="cap=0 must be above 0"):
        importance_weights(logps_BT, logps_BT, MASK_BT, level="token", cap=0)
    with pytest.raises(DataError, match="behaviour_logps_BT has shape"):
        importance_weights(logps_BT, logps_BT[:1], MASK_BT, level="token", cap=2.0)
