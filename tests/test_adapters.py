import json

import pytest
import torch

from tests.conftest import build_model_folder
from twogrpo.adapters import add_adapter, base_path, current_weight, holds_adapter, load_adapter, plain_model
from twogrpo.errors import ConfigError, DataError
from twogrpo.models import load_policy

CPU = torch.device("cpu")


def load(folder):
    return load_policy(str(folder), device=CPU, gradient_checkpointing=False)


def adapted(folder, *, seed=0, targets=(), is_random=False):
    model = add_adapter(load(folder), rank=2, alpha=None, targets=targets, seed=seed)
    if is_random:
        # As after some training: the half that begins at zero has moved.
        generator = torch.Generator().manual_seed(1)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.data.normal_(generator=generator)
    return model


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([[5, 6, 7, 8]])).logits


def test_a_new_adapter_changes_nothing(model_folder):
    assert torch.equal(logits(adapted(model_folder)), logits(load(model_folder)))


def test_adapters_alone_take_gradients_and_leave_the_head_out(model_folder):
    names = [name for name, weight in adapted(model_folder).named_parameters() if weight.requires_grad]
    assert all("lora_" in name for name in names)
    # Two layers of seven projections with two matrices each.
    assert len(names) == 28


def test_targets_name_the_layers(model_folder):
    model = adapted(model_folder, targets=("q_proj", "v_proj"))
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert len(names) == 8
    assert all("q_proj" in name or "v_proj" in name for name in names)


def test_a_target_that_fits_nothing_is_refused(model_folder):
    with pytest.raises(ConfigError, match=r"model\.lora\.targets=query fits no linear layer of Qwen2ForCausalLM"):
        adapted(model_folder, targets=("query",))


def test_the_seed_alone_decides_the_random_half(model_folder):
    def random_half(seed):
        return {name: weight for name, weight in adapted(model_folder, seed=seed).named_parameters() if "A" in name}

    before = torch.get_rng_state()
    first, again, other = random_half(0), random_half(0), random_half(1)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "llama"])
def test_a_saved_adapter_loads_merged_and_to_be_trained(tmp_path, architecture):
    base = build_model_folder(tmp_path / "base", architecture)
    model = adapted(base, is_random=True)
    model.save_pretrained(tmp_path / "adapter")
    assert holds_adapter(tmp_path / "adapter")
    assert base_path(tmp_path / "adapter") == str(base)
    merged = load(tmp_path / "adapter")
    assert type(merged) is type(load(base))
    torch.testing.assert_close(logits(merged), logits(model), rtol=0, atol=1e-4)
    trainable = load_adapter(load(base), tmp_path / "adapter", is_trainable=True)
    assert torch.equal(logits(trainable), logits(model))
    assert any(weight.requires_grad for weight in trainable.parameters())


def test_a_layer_s_current_weight_is_what_it_multiplies_with(model_folder):
    model = plain_model(adapted(model_folder, is_random=True))
    layer = model.model.layers[1].mlp.down_proj
    inputs = torch.randn(3, layer.in_features)
    torch.testing.assert_close(layer(inputs), inputs @ current_weight(layer, "weight").T, rtol=0, atol=1e-5)
    norm = model.model.norm
    assert current_weight(norm, "weight") is norm.weight


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"base_model_name_or_path": null}'])
def test_an_adapter_without_a_base_is_refused(tmp_path, text):
    (tmp_path / "adapter_config.json").write_text(text)
    with pytest.raises(DataError, match="does not name the adapter's base model"):
        load(tmp_path)


def test_an_adapter_of_another_model_is_refused(tmp_path, model_folder):
    adapted(model_folder).save_pretrained(tmp_path / "adapter")
    other = build_model_folder(tmp_path / "other", "llama")
    config = tmp_path / "adapter" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": str(other), "r": 3}))
    with pytest.raises(DataError, match="holds no adapter for LlamaForCausalLM"):
        load(tmp_path / "adapter")
