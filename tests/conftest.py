"""Small things that many tests need: model folders made on the spot, a task, a reward that decides pairs."""

import json
import os
import signal
from pathlib import Path

import pytest

# Before torch is imported anywhere: spinning threads slow each other down tenfold on a busy small machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# A shell that starts the tests in the background ignores interrupts, which every program started here would inherit.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHAPES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    # Wide enough that sampled tokens differ in probability and a gradient step shows.
    "initializer_range": 0.2,
}

# Decides pairs whatever the model writes: rewards depend on the parity of the response's characters.
PARITY_REWARD = """
def parity(prompts, responses, golds):
    return [float(sum(map(ord, response)) % 2) for response in responses]
"""


def build_model_folder(folder, architecture="qwen2"):
    """Save a random model of an architecture with the tiny tokenizer as an ordinary Hugging Face folder."""
    import torch
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    from twogrpo.tiny.tokenizer import build_tokenizer

    kinds = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM, {"tie_word_embeddings": True}),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM, {"tie_word_embeddings": False, "head_dim": 32}),
        "llama": (LlamaConfig, LlamaForCausalLM, {"tie_word_embeddings": False}),
    }
    config_class, model_class, extra = kinds[architecture]
    tokenizer = build_tokenizer()
    torch.manual_seed(0)
    ids = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
    }
    model_class(config_class(**SHAPES, **ids, **extra)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    return build_model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def problems(tmp_path):
    rows = [{"problem": f"{a}+{a + 3}", "answer": str(2 * a + 3)} for a in range(10, 40)]
    return write_rows(tmp_path / "problems.jsonl", rows)


@pytest.fixture
def parity_reward(tmp_path):
    file = tmp_path / "rewards_of_test.py"
    file.write_text(PARITY_REWARD)
    return f"{file}:parity"


@pytest.fixture(scope="session")
def shared_material():
    """The folder of labelled material beside the checkout; tests that need it skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "verify" / "EXAM.jsonl").exists():
        pytest.skip("the labelled material is not beside this checkout")
    return folder
