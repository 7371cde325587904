"""The fused normalisation beside those of transformers' models."""

import copy

import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.mistral.modeling_mistral import MistralRMSNorm
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

from twogrpo.train.rms_norm import RmsNorm, fuse_norms

KINDS = [LlamaRMSNorm, MistralRMSNorm, Qwen2RMSNorm, Qwen3RMSNorm]
WIDTH, EPS = 16, 1e-3


class Model(torch.nn.Module):
    def __init__(self, norm, model_type="qwen2"):
        super().__init__()
        self.norm = norm
        self.config = type("Config", (), {"model_type": model_type})()


def make_norm(kind=Qwen2RMSNorm, dtype=torch.float32):
    torch.manual_seed(0)
    norm = kind(WIDTH, eps=EPS)
    torch.nn.init.normal_(norm.weight)
    return norm.to(dtype)


def fused(norm, model_type="qwen2"):
    model = Model(copy.deepcopy(norm), model_type)
    fuse_norms(model)
    return model.norm


def result_and_gradients(norm, shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    # Small rows, so that eps counts.
    hidden = (0.1 * torch.randn(*shape, WIDTH, generator=generator)).to(dtype).requires_grad_()
    result = norm(hidden)
    result.backward(torch.randn(*shape, WIDTH, generator=generator).to(dtype))
    return result.detach(), hidden.grad, norm.weight.grad


@pytest.mark.parametrize("shape", [(1, 7), (3, 5, 2), (4,), ()])
@pytest.mark.parametrize("kind", KINDS)
def test_result_and_gradients_are_those_of_transformers(kind, shape):
    norm = make_norm(kind)
    found, expected = result_and_gradients(fused(norm), shape), result_and_gradients(norm, shape)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_heads_that_are_transposed_afterwards_have_the_same_gradients():
    def transposed(norm):
        return lambda hidden: norm(hidden).transpose(1, 2).transpose(0, 1).contiguous().transpose(0, 1).transpose(1, 2)

    norms = [fused(make_norm()), make_norm()]
    for norm in norms:
        hidden = torch.linspace(-1, 1, 2 * 3 * 4 * WIDTH).view(2, 3, 4, WIDTH)
        transposed(norm)(hidden).square().sum().backward()
    torch.testing.assert_close(norms[0].weight.grad, norms[1].weight.grad)


def test_the_gradients_are_those_of_finite_differences():
    hidden = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *given: RmsNorm.apply(*given, EPS), (hidden, weight))


def test_a_known_model_does_normalise_by_it():
    assert type(fused(make_norm())(torch.ones(2, WIDTH)).grad_fn).__name__ == "RmsNormBackward"


def test_a_frozen_weight_has_no_gradient():
    norm = fused(make_norm())
    norm.weight.requires_grad_(requires_grad=False)
    _, of_hidden, of_weight = result_and_gradients(norm, (2, 3))
    assert of_weight is None
    assert of_hidden.abs().min() > 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_numbers_are_left_to_transformers(dtype):
    norm = make_norm(dtype=dtype)
    found, expected = result_and_gradients(fused(norm), (2, 3), dtype), result_and_gradients(norm, (2, 3), dtype)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_autocast_is_left_to_transformers():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert type(fused(make_norm())(torch.ones(2, WIDTH)).grad_fn).__name__ != "RmsNormBackward"


def test_an_unknown_architecture_is_left_as_it_is():
    assert "forward" not in vars(fused(make_norm(), "gemma3"))


def test_a_copy_of_a_model_normalises_by_its_own_weight():
    norm = fused(make_norm())
    copied = copy.deepcopy(norm)
    torch.nn.init.zeros_(copied.weight)
    assert copied(torch.ones(2, WIDTH)).abs().max() == 0
    assert norm(torch.ones(2, WIDTH)).abs().max() > 0
