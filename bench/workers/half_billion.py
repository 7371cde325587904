"""The model and the pair of `bench/memory.py`, the same on both sides."""

import json
import resource
import sys
import time
from collections.abc import Callable

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

__all__ = ["PROMPT_TOKENS", "VOCABULARY", "make_model", "make_pair", "report_step"]

VOCABULARY, PROMPT_TOKENS = 151_936, 100
# Two moments, a gradient and a weight, each of four bytes.
LASTING_BYTES = 16
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def make_model(layers: int, vocabulary: int = VOCABULARY) -> Qwen2ForCausalLM:
    """Return a model in the shape of Qwen2.5-0.5B with random weights in float32."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=layers,
        num_attention_heads=14,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    return Qwen2ForCausalLM(config).train()


def make_pair(tokens: int) -> tuple[list[int], list[list[int]]]:
    """Return a prompt and its two responses."""
    generator = torch.Generator().manual_seed(1)
    prompt = torch.randint(VOCABULARY, (PROMPT_TOKENS,), generator=generator).tolist()
    return prompt, torch.randint(VOCABULARY, (2, tokens), generator=generator).tolist()


def report_step(step: Callable[[], object], model: torch.nn.Module, **figures: float) -> None:
    """Make one step and print what it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES
    lasting = LASTING_BYTES * sum(weight.numel() for weight in model.parameters())
    report = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_memory_mb": peak / 1e6,
        "working_memory_mb": (peak - lasting) / 1e6,
        **figures,
    }
    print(json.dumps(report))
