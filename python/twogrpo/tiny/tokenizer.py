"""The tiny model's tokenizer: byte-level BPE with single digits and a chat template, made offline.

It is a Qwen2Tokenizer because the model is a Qwen2: loaders choose the tokenizer's class, and with it the way text is
split, by the model's type, and would silently make another tokenizer out of a saved one of any other class.
"""

import json

from tokenizers import pre_tokenizers, trainers
from transformers import Qwen2Tokenizer

__all__ = ["build_tokenizer"]

_PAD, _START, _END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)
# The words that occur in every prompt or answer, so that they take few tokens.
_WORDS = ("user\n", "assistant\n", "system\n", "\\boxed{", ".\\boxed{")
_MAX_VOCABULARY = 320
_MAX_TOKENS = 256


def build_tokenizer() -> Qwen2Tokenizer:
    """Return the tokenizer, the same on every call: all bytes, a few words, and each digit its own token."""
    # An empty one brings Qwen2's splitting of text, digits one by one included.
    bpe = Qwen2Tokenizer().backend_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=_MAX_VOCABULARY,
        special_tokens=[_PAD, _START, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # A pair of characters has to occur more than once to be merged.
    bpe.train_from_iterator([word for word in _WORDS for _ in range(50)], trainer)
    learned = json.loads(bpe.to_str())["model"]
    return Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=[tuple(merge) for merge in learned["merges"]],  # type: ignore[misc]  # declared as text, taken as pairs
        unk_token=_PAD,
        pad_token=_PAD,
        eos_token=_END,
        extra_special_tokens=[_START],
        padding_side="left",
        model_max_length=_MAX_TOKENS,
        chat_template=_CHAT_TEMPLATE,
    )
