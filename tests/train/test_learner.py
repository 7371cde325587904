import pytest
import torch

from twogrpo.errors import TrainingError
from twogrpo.train.learner import Learner


@pytest.fixture
def learner():
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    return Learner(model, optimizer, torch.device("cpu"), torch.float32, pad_id=0)


def weights(learner):
    return [weight.detach().clone() for weight in learner.model.parameters()]


def test_a_gradient_that_is_not_finite_leaves_weights_and_moments(learner):
    before = weights(learner)
    learner.zero_gradients()
    learner.model.weight.grad[0, 0] = float("nan")
    with pytest.raises(TrainingError, match="step 7: the gradient's norm is nan"):
        learner.apply(0.1, None, 7)
    assert all(torch.equal(old, new) for old, new in zip(before, weights(learner), strict=True))
    assert not learner.optimizer.state


def test_the_norm_is_that_before_clipping(learner):
    learner.zero_gradients()
    learner.model.weight.grad[:] = torch.tensor([[3.0, 4.0]])
    assert learner.apply(0.1, 1.0, 0) == pytest.approx(5.0)
    assert torch.linalg.vector_norm(learner.model.weight.grad).item() == pytest.approx(1.0, abs=1e-5)


def test_without_a_limit_nothing_is_clipped(learner):
    learner.zero_gradients()
    learner.model.weight.grad[:] = torch.tensor([[3.0, 4.0]])
    learner.apply(0.1, None, 0)
    assert learner.model.weight.grad.tolist() == [[3.0, 4.0]]


def test_zero_gradients_still_move_weights_by_momentum(learner):
    learner.zero_gradients()
    learner.model.weight.grad[:] = 1.0
    learner.apply(0.1, None, 0)
    before = weights(learner)
    learner.zero_gradients()
    assert learner.apply(0.1, None, 1) == 0.0
    assert not torch.equal(before[0], weights(learner)[0])
