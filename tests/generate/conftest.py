"""Small random models of every served shape, made on the spot."""

from collections.abc import Callable

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

VOCABULARY = 37
# Of different lengths, the longest neither first nor last.
PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14, 15, 16], [17, 18, 19, 20]]

_SIZE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
_YARN = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 16}

FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "qwen2-gqa-tied": lambda: Qwen2ForCausalLM(Qwen2Config(**_SIZE, num_key_value_heads=2, tie_word_embeddings=True)),
    "qwen2-mha-untied-yarn": lambda: Qwen2ForCausalLM(
        Qwen2Config(**_SIZE, num_key_value_heads=4, tie_word_embeddings=False, rope_parameters=_YARN)
    ),
    "qwen3-gqa-untied": lambda: Qwen3ForCausalLM(
        Qwen3Config(**_SIZE, num_key_value_heads=1, head_dim=12, tie_word_embeddings=False)
    ),
    "qwen3-mha-tied-biases": lambda: Qwen3ForCausalLM(
        Qwen3Config(**_SIZE, num_key_value_heads=4, head_dim=8, tie_word_embeddings=True, attention_bias=True)
    ),
    "llama-gqa-untied-llama3": lambda: LlamaForCausalLM(
        LlamaConfig(**_SIZE, num_key_value_heads=2, tie_word_embeddings=False, rope_parameters=_LLAMA3)
    ),
    "llama-mha-tied-biases": lambda: LlamaForCausalLM(
        LlamaConfig(**_SIZE, num_key_value_heads=4, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=64,
            initializer_range=0.2,
            bos_token_id=None,
            eos_token_id=None,
        )
    ),
}


def build(family: str, seed: int = 0) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = FAMILIES[family]()
        # Biases start at 0 and norms at 1: a forward pass that forgets one of them would not show.
        for weight in model.parameters():
            if weight.ndim == 1:
                weight.add_(0.3 * torch.randn_like(weight))
    return model.eval()


@pytest.fixture(params=[family for family in FAMILIES if family != "gpt2"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return build(request.param)


@pytest.fixture
def qwen2() -> PreTrainedModel:
    return build("qwen2-gqa-tied")


@pytest.fixture
def gpt2() -> PreTrainedModel:
    return build("gpt2")


@pytest.fixture
def prompts() -> list[list[int]]:
    return PROMPTS


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    words = {f"w{index}": index for index in range(VOCABULARY)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words)))
    tokenizer.eos_token = "w2"  # noqa: S105  # a word
    return tokenizer


@pytest.fixture
def expected_logps() -> Callable[..., list[float]]:
    return _expected_logps


@torch.no_grad()
def _expected_logps(
    model: PreTrainedModel,
    prompt: list[int],
    response: list[int],
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
) -> list[float]:
    """Return the logprobs of a response, one whole forward pass and the definition of each cut, token by token."""
    logits_TV = model(torch.tensor([[*prompt, *response]])).logits[0].double()
    logps = []
    for step, token in enumerate(response):
        probs = (logits_TV[len(prompt) - 1 + step] / temperature).softmax(-1).tolist()
        kept = sorted(range(len(probs)), key=lambda index: -probs[index])
        kept = kept[: top_k or None]
        nucleus, mass = [], 0.0
        for index in kept:
            if mass >= top_p * sum(probs[other] for other in kept):
                break
            nucleus.append(index)
            mass += probs[index]
        kept = [index for index in nucleus if probs[index] >= min_p * probs[nucleus[0]]]
        assert token in kept, f"token {token} of step {step} has probability 0"
        logps.append(torch.tensor(probs[token] / sum(probs[index] for index in kept)).log().item())
    return logps
