"""What both sides of `bench/gpu.py` train on: a random model of half a billion parameters, problems, and a reward."""

import json
import random
import string
from itertools import chain, islice, product
from pathlib import Path
from zlib import crc32

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from half_billion import make_model

__all__ = ["make_tokenizer", "reward", "scored", "write_model", "write_problems"]

PAD, EOS = "<pad>", "<eos>"
PROMPT_CHARACTERS = 200


def make_tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """Return a tokenizer that has a text for every token: bytes, then pairs of them, then triples."""
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = product(bytes_, bytes_)
    triples = product(map("".join, product(bytes_, bytes_)), bytes_)
    merges = list(islice(chain(pairs, triples), vocabulary - 2 - len(bytes_)))
    words = [PAD, EOS, *bytes_, *map("".join, merges)]
    backend = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=PAD, eos_token=EOS)


def write_model(folder: Path, layers: int, vocabulary: int) -> dict[str, int]:
    """Write a model with its tokenizer, and return the sizes that count its operations."""
    model, tokenizer = make_model(layers, vocabulary), make_tokenizer(vocabulary)
    for config in (model.config, model.generation_config):
        config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # The head is tied: each of the weights is multiplied by once a token.
    parameters = sum(weight.numel() for weight in model.parameters())
    return {"parameters": parameters, "layers": layers, "hidden": model.config.hidden_size}


def write_problems(path: Path, count: int) -> None:
    """Write prompts of random letters."""
    draw = random.Random(2)
    texts = ["".join(draw.choices(string.ascii_lowercase, k=PROMPT_CHARACTERS)) for _ in range(count)]
    rows = [json.dumps({"problem": text, "answer": "0"}) + "\n" for text in texts]
    path.write_text("".join(rows), encoding="utf-8")


def scored(response: str) -> float:
    """Return a number from 0 to 1 that differs between responses, so that no group is tied."""
    return crc32(response.encode()) / 2**32


def reward(prompts: list[str], responses: list[str], golds: list[str]) -> list[float]:  # noqa: ARG001  # the signature of reward.function
    """Return the rewards of some responses."""
    return [scored(response) for response in responses]
