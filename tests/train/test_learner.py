import pytest
import torch

from twogrpo.errors import TrainingError
from twogrpo.models import load_policy
from twogrpo.train.learner import Learner
from twogrpo.train.logprobs import TokenBatch, token_logps


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


def test_rows_of_all_lengths_come_back_in_order(model_folder):
    model = load_policy(str(model_folder), device=torch.device("cpu"), gradient_checkpointing=False).double()
    learner = Learner(model, torch.optim.SGD(model.parameters()), torch.device("cpu"), torch.float32, pad_id=0)
    lengths = [3, 40, 4, 39, 1, 20, 5, 38, 2, 21, 3, 37, 6, 22, 1, 36, 2, 35, 3, 34, 4, 33]
    prompt_ids = [[row + 5, 7] for row in range(len(lengths))]
    response_ids = [[(row * 3 + token) % 200 for token in range(length)] for row, length in enumerate(lengths)]
    logps_BR, mask_BR = learner.logps(prompt_ids, response_ids, temperature=0.7)
    batch = TokenBatch.pack(prompt_ids, response_ids, pad_id=0, device="cpu")
    whole_BR, whole_mask_BR = token_logps(model, batch, temperature=0.7)
    assert torch.equal(mask_BR, whole_mask_BR)
    torch.testing.assert_close(logps_BR[mask_BR], whole_BR[mask_BR], atol=1e-10, rtol=0)
