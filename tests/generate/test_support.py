from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from twogrpo.generate.support import supports, unsupported_reason


def _qwen2(**changes):
    sizes = {"vocab_size": 11, "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    return Qwen2ForCausalLM(Qwen2Config(**sizes, num_hidden_layers=2, num_key_value_heads=2, **changes))


def test_the_three_families_are_served(model):
    assert supports(model)


def test_another_architecture_is_not(gpt2):
    assert not supports(gpt2)


def test_a_subclass_may_compute_something_else_and_is_not_served():
    class Changed(Qwen2ForCausalLM):
        pass

    assert "Changed" in unsupported_reason(Changed(_qwen2().config))


def test_sliding_windows_are_not_served():
    model = _qwen2(use_sliding_window=True, sliding_window=4, max_window_layers=1)
    assert "sliding_attention" in unsupported_reason(model)


def test_frequencies_that_follow_the_length_are_not_served():
    rope = {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0}
    assert "rope_type is dynamic" in unsupported_reason(_qwen2(rope_parameters=rope))


def test_another_activation_is_not_served():
    assert "gelu" in unsupported_reason(_qwen2(hidden_act="gelu"))


def test_an_adapter_in_place_of_a_projection_is_not_served():
    class Adapter(nn.Linear):
        pass

    model = _qwen2()
    model.model.layers[1].mlp.up_proj = Adapter(16, 16)
    assert "Adapter" in unsupported_reason(model)
