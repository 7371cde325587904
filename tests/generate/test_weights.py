import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from twogrpo.generate.weights import ModelWeights


def _qwen2(**changes):
    sizes = {"vocab_size": 11, "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    return Qwen2ForCausalLM(Qwen2Config(**sizes, num_hidden_layers=2, num_key_value_heads=2, **changes))


def test_a_tied_head_is_the_embedding():
    weights = ModelWeights(_qwen2(tie_word_embeddings=True), torch.float32)
    assert weights.head is weights.embedding


def test_an_untied_head_is_its_own_matrix():
    model = _qwen2(tie_word_embeddings=False)
    assert torch.equal(ModelWeights(model, torch.float32).head, model.lm_head.weight)


def test_trainable_weights_are_copied_and_frozen_ones_shared():
    model = _qwen2()
    assert ModelWeights(model, torch.float32).final_norm.data_ptr() != model.model.norm.weight.data_ptr()
    model.requires_grad_(requires_grad=False)
    assert ModelWeights(model, torch.float32).final_norm.data_ptr() == model.model.norm.weight.data_ptr()


def test_sync_keeps_its_buffers():
    model = _qwen2()
    weights = ModelWeights(model, torch.float32)
    address = weights.layers[0].qkv.data_ptr()
    with torch.no_grad():
        model.model.layers[0].self_attn.k_proj.weight.fill_(3.0)
    weights.sync()
    assert weights.layers[0].qkv.data_ptr() == address
    assert torch.equal(weights.layers[0].qkv[16:32], torch.full((16, 16), 3.0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rotary_tables_are_the_model_s_own(model, dtype):
    cos_TD, sin_TD = ModelWeights(model, dtype).rotary_tables(20)
    expected_cos, expected_sin = model.model.rotary_emb(torch.zeros(1, dtype=dtype), torch.arange(20)[None])
    half = cos_TD.shape[1] // 2
    assert torch.equal(cos_TD, expected_cos[0])
    assert torch.equal(sin_TD[:, half:], expected_sin[0, :, half:])
    assert torch.equal(sin_TD[:, :half], -expected_sin[0, :, :half])
