import copy

import pytest

from twogrpo.config.sampling import DataSection
from twogrpo.models import load_outline
from twogrpo.preflight.prompt import answered_turn, prompt_section
from twogrpo.preflight.render import render
from twogrpo.preflight.report import Report
from twogrpo.prompt_files import PromptRow
from twogrpo.prompts import PromptSet
from twogrpo.tiny.tokenizer import build_tokenizer

PAD, START, END = 0, 1, 2


@pytest.fixture
def tokenizer():
    return copy.deepcopy(build_tokenizer())


@pytest.fixture
def model(model_folder):
    return load_outline(str(model_folder))


def first(tokenizer, data, text="1+2"):
    row = PromptRow("p.jsonl, line 1", text, ("3",), "p")
    return PromptSet.of_rows([row], tokenizer, system=data.system, suffix=data.suffix, template=data.template)[0]


def section(tokenizer, model, text="1+2", **data):
    data = DataSection(path="p.jsonl", **data)
    return prompt_section(first(tokenizer, data, text), data, tokenizer, model)


def facts(found):
    return {fact.name: fact for fact in found.facts}


def test_every_token_of_the_prompt_is_there(tokenizer, model):
    tokens = facts(section(tokenizer, model))["tokens"].value
    assert "".join(token["text"] for token in tokens) == "<|im_start|>user\n1+2<|im_end|>\n<|im_start|>assistant\n"
    assert tokens[0] == {"id": START, "text": "<|im_start|>"}


def test_text_is_quoted_and_specials_are_not(tokenizer, model):
    shown = "\n".join(render(Report("online", (section(tokenizer, model),), ())))
    assert '1 <|im_start|>   274 "user"   201 "\\n"' in shown


def test_a_long_prompt_is_cut_in_the_middle_unless_all_is_asked_for(tokenizer, model):
    found = facts(section(tokenizer, model, text="1" * 200))
    assert "tokens, -v shows them" in found["tokens"].text
    assert found["all_tokens"].is_detail
    assert found["all_tokens"].text.count('"1"') == 200


def test_stop_ids_say_where_they_come_from(tokenizer, model):
    model.generation_config.eos_token_id = [PAD, END]
    stops = facts(section(tokenizer, model))["stop_ids"].value
    assert [(stop["id"], stop["from"]) for stop in stops] == [
        (PAD, "model's generation config"),
        (END, "model's generation config, tokenizer's eos_token"),
    ]


def test_a_model_that_fits_its_template_has_no_warning(tokenizer, model):
    found = section(tokenizer, model)
    assert found.warnings == ()
    assert facts(found)["template_ends_a_turn_with"].value == END
    assert facts(found)["round_trip"].value is True


def test_a_base_model_that_ends_otherwise_than_its_template_is_warned_of(tokenizer, model):
    model.generation_config.eos_token_id = PAD
    tokenizer.eos_token = "<|endoftext|>"  # noqa: S105  # a token of text
    (warning,) = section(tokenizer, model).warnings
    assert warning.startswith(
        "the chat template ends a turn with <|im_end|> (2), but a response ends with <|endoftext|>"
    )
    assert "generation_config.json" in warning
    assert section(tokenizer, model, template="none").warnings == ()


def test_no_end_at_all_is_warned_of(tokenizer, model):
    model.generation_config.eos_token_id = None
    tokenizer.eos_token = None
    assert section(tokenizer, model).warnings[0].startswith("no token ends a response")


def test_a_second_beginning_is_warned_of(tokenizer, model):
    tokenizer.bos_token = "<|im_start|>"  # noqa: S105  # a token of text
    tokenizer.chat_template = "<|im_start|>" + tokenizer.chat_template
    assert "begins with 2 <|im_start|> (1)" in section(tokenizer, model).warnings[0]


def test_a_tokenizer_with_more_tokens_than_the_model_is_warned_of(tokenizer, model):
    tokenizer.add_tokens(["<extra>"])
    assert "281 tokens and the model embeds 280" in section(tokenizer, model).warnings[0]


def turn(tokenizer, answer="so \\boxed{3}", **data):
    data = DataSection(path="p.jsonl", **data)
    return answered_turn(tokenizer, data, first(tokenizer, data), answer)


def test_a_template_that_drops_what_it_once_showed_is_said(tokenizer):
    tokenizer.chat_template = (
        "{%- for message in messages -%}<|im_start|>{{ message.role }}: {{ message.content }}<|im_end|>{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant: <think>{%- endif -%}"
    )
    found = turn(tokenizer)
    assert (found.begins_with_prompt, found.same_ids, found.end) == (False, False, END)


def test_an_answer_that_the_template_trims_does_not_come_back(tokenizer):
    assert turn(tokenizer, " 3 ").same_ids
    tokenizer.chat_template = tokenizer.chat_template.replace("message['content']", "message['content'] | trim")
    assert not turn(tokenizer, " 3 ").same_ids


def test_a_template_without_an_ending_has_none(tokenizer):
    tokenizer.chat_template = "{%- for message in messages -%}{{ message.content }}{%- endfor -%}"
    assert turn(tokenizer).end is None


def test_a_template_that_refuses_answers_is_no_error(tokenizer):
    tokenizer.chat_template = (
        "{%- if messages | length > 1 -%}{{ raise_exception('one message') }}{%- endif -%}{{ messages[0].content }}"
    )
    assert turn(tokenizer) is None
