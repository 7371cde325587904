"""Supervised training: the loss, the schedule, the two budgets."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from twogrpo.tiny import supervised
from twogrpo.tiny.demonstrations import demonstrations
from twogrpo.tiny.model import build_model
from twogrpo.tiny.supervised import (
    CpuSeconds,
    Example,
    Steps,
    SupervisedSettings,
    encode_examples,
    supervise,
)
from twogrpo.tiny.task import problems
from twogrpo.tiny.tokenizer import build_tokenizer

SETTINGS = SupervisedSettings(learning_rate=3e-3, batch_size=8)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


@pytest.fixture(scope="module")
def examples(tokenizer):
    shown = demonstrations(problems("train", seed=1)[:64], seed=1)
    return encode_examples([(each.problem.question, each.response) for each in shown], tokenizer)


@pytest.fixture
def model(tokenizer):
    return build_model(tokenizer, 1)


def trained(tokenizer, examples, budget, **named):
    model = build_model(tokenizer, 1)
    result = supervise(model, examples, SETTINGS, budget=budget, pad_id=tokenizer.pad_token_id, seed=2, **named)
    return model, result


def test_an_example_is_the_chat_prompt_and_the_ended_response(tokenizer):
    (example,) = encode_examples([("1+2", r"\boxed{3}")], tokenizer)
    assert tokenizer.decode(example.prompt_ids) == "<|im_start|>user\n1+2<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(example.response_ids) == r"\boxed{3}<|im_end|>"


def test_the_loss_is_that_of_each_row_alone_summed_over_response_tokens(model, examples, tokenizer):
    expected = 0.0
    for example in examples[:5]:
        ids_T = torch.tensor(example.prompt_ids + example.response_ids)
        logits_TV = model(ids_T[None]).logits[0]
        first = len(example.prompt_ids)
        expected += cross_entropy(logits_TV[first - 1 : -1], ids_T[first:], reduction="sum").item()
    found = supervised._summed_loss(model, examples[:5], tokenizer.pad_token_id).item()
    assert found == pytest.approx(expected, rel=1e-5)


def test_slices_give_the_gradient_of_the_whole_batch(model, examples, tokenizer, monkeypatch):
    gradients = []
    for slices in (1, 4):
        monkeypatch.setattr(supervised, "_SLICES", slices)
        still = torch.optim.SGD(model.parameters(), lr=0.0)
        supervised._step(model, still, examples[:16], tokenizer.pad_token_id, 1e9)
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)


def test_slices_hold_every_row_once_sorted_by_length():
    batch = [Example((1,) * length, (2,)) for length in (5, 1, 4, 2, 3)]
    sliced = [len(example) for rows in supervised._slices(batch) for example in rows]
    assert sliced == [2, 3, 4, 5, 6]


def test_three_steps_of_one_seed_give_the_same_weights_bit_for_bit(tokenizer, examples):
    first, second = (trained(tokenizer, examples, Steps(3))[0] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_training_lowers_the_loss(tokenizer, examples):
    losses = []
    trained(tokenizer, examples, Steps(12), on_step=lambda _, loss: losses.append(loss))
    assert losses[-1] < losses[0] - 0.5


def test_the_number_of_steps_is_kept(tokenizer, examples):
    assert trained(tokenizer, examples, Steps(3))[1].steps == 3


def test_no_budget_means_no_step(tokenizer, examples):
    assert trained(tokenizer, examples, CpuSeconds(0.0))[1].steps == 0


def test_cpu_seconds_stop_with_the_first_step_beyond(tokenizer, examples):
    result = trained(tokenizer, examples, CpuSeconds(1e-9))[1]
    assert result.steps == 1


def test_tokens_leave_padding_out(tokenizer, examples):
    result = trained(tokenizer, examples[:4], Steps(2))[1]
    assert result.tokens == 2 * sum(map(len, examples[:4]))


def test_the_number_of_threads_is_put_back(tokenizer, examples):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    trained(tokenizer, examples, Steps(1))
    threads = torch.get_num_threads()
    torch.set_num_threads(before)
    assert threads == 2


@pytest.mark.parametrize(
    ("step", "spent", "expected"), [(0, 0.0, 0.1), (9, 0.0, 1.0), (99, 0.5, 0.525), (99, 1.0, 0.05)]
)
def test_the_learning_rate_warms_up_and_decays_linearly(step, spent, expected):
    settings = SupervisedSettings(learning_rate=1.0, warmup_steps=10)
    assert settings.learning_rate_at(step, spent) == pytest.approx(expected)
