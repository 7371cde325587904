"""The tiny model's tokenizer."""

import pytest

from twogrpo.tiny.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def test_every_digit_is_a_token_of_its_own(tokenizer):
    assert tokenizer.tokenize("19+283=302") == list("19+283=302")


@pytest.mark.parametrize("text", [r"9+9=18,1+9+1=11.\boxed{118}", "a line\nand ½ größer\t€ 😀", " leading", ""])
def test_text_survives_the_round_trip(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_chat_template_opens_the_answer(tokenizer):
    messages = [{"role": "system", "content": "Add."}, {"role": "user", "content": "1+2"}]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == ("<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n1+2<|im_end|>\n<|im_start|>assistant\n")


def test_the_end_token_of_a_message_is_the_end_token(tokenizer):
    assert tokenizer("<|im_end|>")["input_ids"] == [tokenizer.eos_token_id]


def test_padding_is_not_the_end_token(tokenizer):
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_the_tokenizer_is_the_same_on_every_call(tokenizer):
    assert build_tokenizer().get_vocab() == tokenizer.get_vocab()
