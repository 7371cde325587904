"""Models of any architecture that forward passes are tested on, and sequences for them."""

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from twogrpo.train.logprobs import token_logps

VOCABULARY = 37
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
WINDOW = {"use_sliding_window": True, "sliding_window": 4, "layer_types": ["full_attention", "sliding_attention"]}
MODELS = {
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SHAPE, tie_word_embeddings=True)),
    "qwen2, one layer with a window": lambda: Qwen2ForCausalLM(Qwen2Config(**SHAPE, **WINDOW)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SHAPE)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE)),
    "llama, a head a key": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE | {"num_key_value_heads": 4})),
    "mistral, windows": lambda: MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=4)),
}
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9], [10, 11], [1, 2, 3], [4], [1, 2, 3]]
RESPONSES = [[12, 13], [14, 15, 16, 17, 18, 19], [], [20], [21, 22, 23], [30], list(range(10, 25))]


def make(name):
    torch.manual_seed(0)
    return MODELS[name]().double().train()


def logps_and_gradients(model, batch):
    logps_BR, mask_BR = token_logps(model, batch, temperature=0.7)
    weights_BR = torch.linspace(-1, 1, logps_BR.numel(), dtype=logps_BR.dtype).reshape(logps_BR.shape)
    (logps_BR * weights_BR * mask_BR).sum().backward()
    return logps_BR.detach(), [weight.grad for weight in model.parameters()]
