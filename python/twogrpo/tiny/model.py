"""The tiny model: a two-layer Qwen2, untrained."""

import torch
from transformers import PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

__all__ = ["build_model"]

# A head dimension of 32 (128 / 4) is the smallest that vLLM serves on a CPU.
_HIDDEN, _LAYERS, _HEADS, _KEY_VALUE_HEADS, _INTERMEDIATE = 128, 2, 4, 2, 384
_INITIAL_SD = 0.04
_MAX_POSITIONS = 256


def build_model(tokenizer: PreTrainedTokenizerBase, seed: int) -> Qwen2ForCausalLM:
    """Return a Qwen2 of about 431,000 parameters in fp32; equal seeds give equal weights.

    The caller's random state is left as it was.
    """
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=_HIDDEN,
        intermediate_size=_INTERMEDIATE,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        num_key_value_heads=_KEY_VALUE_HEADS,
        max_position_embeddings=_MAX_POSITIONS,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        initializer_range=_INITIAL_SD,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        dtype=torch.float32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model
