import copy

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from tests.train.small_models import MODELS, PROMPTS, RESPONSES, SHAPE, logps_and_gradients, make
from twogrpo.models import recompute_activations
from twogrpo.train.last_layer import cut_last_layer, is_cut
from twogrpo.train.logprobs import TokenBatch, token_logps
from twogrpo.train.packed_attention import enable_packing
from twogrpo.train.packing import PackedBatch

# Float64 models still compute their norms in float32, which rounds where gradients of a shared prompt meet.
ROUNDING = 1e-5


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def make_cut(name):
    model = make(name)
    assert enable_packing(model)
    cut_last_layer(model)
    assert is_cut(model)
    return model


def fed(model):
    """Return a list that gets the layer and the number of tokens of each feed-forward pass to come."""
    counts = []
    for index, layer in enumerate(model.model.layers):
        layer.mlp.register_forward_pre_hook(lambda _, inputs, index=index: counts.append((index, inputs[0].shape[1])))
    return counts


@pytest.mark.parametrize("share_prompts", [True, False])
@pytest.mark.parametrize("checkpointing", [True, False])
def test_a_cut_layer_gives_the_logprobs_and_gradients_of_padded_rows(name, share_prompts, checkpointing):
    expected = logps_and_gradients(make(name), TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0))
    model = make_cut(name)
    if checkpointing:
        recompute_activations(model)
    found = logps_and_gradients(model, PackedBatch.pack(PROMPTS, RESPONSES, share_prompts=share_prompts))
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-12)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=ROUNDING if share_prompts else 1e-12)


def test_its_feed_forward_part_sees_only_tokens_that_predict_something():
    model = make_cut("qwen2")
    counts = fed(model)
    batch = PackedBatch.pack([[1, 2, 3], [4, 5], [1, 2, 3]], [[6, 7], [], [8]])
    token_logps(model, batch, temperature=1.0)
    # The stream is 1 2 3 6 4 5; 3 predicts 6 and 8, and 6 predicts 7.
    assert counts == [(0, 6), (1, 2)]


def test_a_batch_of_empty_responses_leaves_nothing_to_compute():
    logps_BR, mask_BR = token_logps(make_cut("llama"), PackedBatch.pack([[1, 2]], [[]]), temperature=1.0)
    assert logps_BR.shape == mask_BR.shape == (1, 0)


def test_it_is_computed_again_in_the_backward_pass_where_that_is_asked_for():
    model = make_cut("qwen2")
    recompute_activations(model)
    counts = fed(model)
    logps_and_gradients(model, PackedBatch.pack([[1, 2, 3]], [[6, 7]]))
    assert sorted(counts) == [(0, 4), (0, 4), (1, 2), (1, 2)]


def test_padded_rows_and_generate_go_on_as_before(name):
    model, plain = make_cut(name).eval(), make(name).eval()
    batch = TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0)
    assert torch.equal(token_logps(model, batch, temperature=1.0)[0], token_logps(plain, batch, temperature=1.0)[0])
    prompts = torch.tensor([[0, 0, 5], [1, 2, 3]])
    settings = {"attention_mask": (prompts > 0).long(), "max_new_tokens": 8, "do_sample": False, "pad_token_id": 0}
    assert torch.equal(model.generate(prompts, **settings), plain.generate(prompts, **settings))


def test_layers_keep_their_name_and_are_cut_once():
    model = make("qwen2")
    before = type(model.model.layers[-1])
    cut_last_layer(model)
    cut = type(model.model.layers[-1])
    cut_last_layer(model)
    assert type(model.model.layers[-1]) is cut
    assert issubclass(cut, before)
    assert cut.__name__ == before.__name__
    assert type(model.model.layers[0]) is before
    assert is_cut(copy.deepcopy(model))
    assert not is_cut(make("qwen2"))


def test_other_architectures_are_left_alone():
    model = Gemma2ForCausalLM(Gemma2Config(**SHAPE))
    cut_last_layer(model)
    assert not is_cut(model)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # PEFT asks for it
def test_a_peft_wrapped_model_is_cut_as_well():
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    wrapped = get_peft_model(make("qwen2"), config).double()
    expected = token_logps(wrapped, TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0), temperature=1.0)[0]
    enable_packing(wrapped)
    cut_last_layer(wrapped)
    assert is_cut(wrapped)
    counts = fed(wrapped.base_model.model)
    found = token_logps(wrapped, PackedBatch.pack(PROMPTS, RESPONSES), temperature=1.0)[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert counts[1][1] < counts[0][1]
