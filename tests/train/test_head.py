import pytest
import torch
from torch import nn

from twogrpo.train.head import head_values, logits_chunk

TOKENS, WIDTH, VOCABULARY = 11, 6, 19


def make(dtype=torch.float64, *, bias=True):
    torch.manual_seed(0)
    head = nn.Linear(WIDTH, VOCABULARY, bias=bias).to(dtype)
    hidden_NH = torch.randn(TOKENS, WIDTH, dtype=dtype, requires_grad=True)
    return head, hidden_NH, torch.randint(VOCABULARY, (TOKENS,))


def plain(head, hidden_NH, targets_N, temperature):
    logps_NV = (head(hidden_NH) / temperature).log_softmax(-1)
    return logps_NV.gather(1, targets_N[:, None]).squeeze(1), -(logps_NV.exp() * logps_NV).sum(-1)


def gradients(values, head, hidden_NH):
    logps_N, entropies_N = values
    weights_N = torch.linspace(-1, 2, TOKENS, dtype=logps_N.dtype)
    loss = (logps_N * weights_N).sum() + (0 if entropies_N is None else (entropies_N * weights_N.flip(0)).sum())
    return torch.autograd.grad(loss, [hidden_NH, *head.parameters()])


@pytest.mark.parametrize("chunk_tokens", [1, 4, 11, 50])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_a_log_softmax(chunk_tokens, temperature, bias):
    head, hidden_NH, targets_N = make(bias=bias)
    settings = {"temperature": temperature, "with_entropy": True, "chunk_tokens": chunk_tokens}
    found = head_values(head, hidden_NH, targets_N, **settings)
    expected = plain(head, hidden_NH, targets_N, temperature)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    for ours, theirs in zip(gradients(found, head, hidden_NH), gradients(expected, head, hidden_NH), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_the_gradient_is_that_of_finite_differences():
    head, hidden_NH, targets_N = make()

    def values(hidden, weight, bias):
        module = nn.Linear(WIDTH, VOCABULARY).double()
        module.weight, module.bias = nn.Parameter(weight), nn.Parameter(bias)
        del module.weight, module.bias
        module.weight, module.bias = weight, bias
        return head_values(module, hidden, targets_N, temperature=0.9, with_entropy=True, chunk_tokens=3)

    inputs = (hidden_NH, head.weight.detach().requires_grad_(), head.bias.detach().requires_grad_())
    assert torch.autograd.gradcheck(values, inputs)


def test_without_entropy_the_gradient_is_that_of_the_logprobs():
    head, hidden_NH, targets_N = make()
    found = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, chunk_tokens=4)
    assert found[1] is None
    expected = plain(head, hidden_NH, targets_N, 1.0)[0], None
    for ours, theirs in zip(gradients(found, head, hidden_NH), gradients(expected, head, hidden_NH), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_a_frozen_head_costs_no_gradient():
    head, hidden_NH, targets_N = make()
    head.requires_grad_(requires_grad=False)
    logps_N, _ = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, chunk_tokens=4)
    logps_N.sum().backward()
    assert head.weight.grad is None
    assert hidden_NH.grad.abs().sum() > 0


def test_under_autocast_the_logits_are_narrow_and_the_gradients_as_wide_as_the_weights():
    head, hidden_NH, targets_N = make(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, chunk_tokens=4)
        expected = plain(head, hidden_NH, targets_N, 1.0)[0], None
    assert found[0].dtype == torch.float32
    torch.testing.assert_close(found[0], expected[0].float(), rtol=0, atol=2e-2)
    ours, theirs = gradients(found, head, hidden_NH), gradients(expected, head, hidden_NH)
    assert [slope.dtype for slope in ours] == [torch.float32] * 3
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=5e-2)


def long_gradients(module_dtype, autocast, chunk_tokens):
    """Gradients of 832 tokens' logprobs; the same numbers whatever the types."""
    torch.manual_seed(0)
    head, hidden_NH = nn.Linear(32, 512), torch.randn(832, 32)
    targets_N, weights_N = torch.randint(512, (832,)), torch.randn(832)
    head, hidden_NH = head.to(module_dtype), hidden_NH.to(module_dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        logps_N, _ = head_values(
            head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, chunk_tokens=chunk_tokens
        )
    return torch.autograd.grad((logps_N * weights_N).sum(), [hidden_NH, *head.parameters()])


@pytest.mark.parametrize("module_dtype", [torch.float32, torch.bfloat16])
def test_in_bfloat16_many_chunks_are_no_further_from_the_gradient_than_one(module_dtype):
    exact = long_gradients(torch.float32, autocast=False, chunk_tokens=832)
    one, many = (
        long_gradients(module_dtype, autocast=module_dtype == torch.float32, chunk_tokens=chunk_tokens)
        for chunk_tokens in (832, 16)
    )
    for slopes, single, chunked in zip(exact, one, many, strict=True):
        assert single.dtype == chunked.dtype == module_dtype
        allowed = 1.1 * float((single - slopes).norm())
        assert 0 < float((chunked - slopes).norm()) <= allowed <= 0.005 * float(slopes.norm())


def test_logits_far_apart_stay_finite():
    head = nn.Linear(1, 3, bias=False)
    head.weight.data = torch.tensor([[1e4], [0.0], [-1e4]])
    hidden_NH = torch.ones(2, 1, requires_grad=True)
    logps_N, entropies_N = head_values(
        head, hidden_NH, torch.tensor([0, 2]), temperature=1.0, with_entropy=True, chunk_tokens=8
    )
    assert logps_N.tolist() == [0.0, -2e4]
    assert entropies_N.tolist() == [0.0, 0.0]
    (logps_N.sum() + entropies_N.sum()).backward()
    assert hidden_NH.grad.isfinite().all()


def test_no_tokens_give_no_values():
    head, hidden_NH, _ = make()
    logps_N, _ = head_values(
        head, hidden_NH[:0], torch.empty(0, dtype=torch.long), temperature=1.0, with_entropy=False, chunk_tokens=4
    )
    logps_N.sum().backward()
    assert logps_N.shape == (0,)
    assert not head.weight.grad.any()


def test_a_chunk_of_a_large_vocabulary_is_a_few_tens_of_megabytes():
    assert logits_chunk(151_936, is_on_cpu=True) * 151_936 * 4 <= 42e6
    assert logits_chunk(10**9, is_on_cpu=True) == 16
