"""Prompt sets: reading, rendering, tokenising, drawing."""

import json
from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twogrpo.errors import ConfigError, DataError
from twogrpo.prompts import PromptOrder, PromptSet, draw
from twogrpo.tiny.tokenizer import build_tokenizer

ROWS = [
    {"problem": "12+34", "answer": "46", "dataset": "tiny/add"},
    {"problem": "50-8", "answer": 42},
    {"problem": "half of 5", "answer": ["2.5", "5/2"], "dataset": "words"},
]
ASSISTANT = "<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


@pytest.fixture
def jsonl(tmp_path):
    def write(rows):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def loaded(jsonl, tokenizer):
    return PromptSet.load(jsonl(ROWS), tokenizer)


def test_rows_keep_their_order(loaded):
    assert [loaded[index].text for index in range(len(loaded))] == ["12+34", "50-8", "half of 5"]


def test_golds_are_text_numbers_or_lists(loaded):
    assert [prompt.golds for prompt in loaded.prompts] == [("46",), ("42",), ("2.5", "5/2")]


def test_the_data_set_is_the_rows_or_the_files(loaded):
    assert [prompt.dataset for prompt in loaded.prompts] == ["tiny/add", "rows", "words"]


def test_the_prompt_id_is_xxh3_of_dataset_separator_and_text(loaded):
    # The reference value was computed with the C implementation of xxHash.
    assert loaded[0].prompt_id == "672bb62d49615667f309f7887176c443"


def test_the_chat_template_opens_the_answer(loaded, tokenizer):
    assert tokenizer.decode(loaded[0].token_ids) == f"<|im_start|>user\n12+34<|im_end|>\n{ASSISTANT}"


def test_suffix_and_system_are_in_the_tokens_and_not_in_the_text(jsonl, tokenizer):
    prompt = PromptSet.load(jsonl(ROWS), tokenizer, system="Add.", suffix="\nBox it.")[0]
    assert prompt.text == "12+34"
    assert tokenizer.decode(prompt.token_ids) == (
        f"<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n12+34\nBox it.<|im_end|>\n{ASSISTANT}"
    )


def test_the_identity_of_a_problem_does_not_depend_on_the_suffix(jsonl, tokenizer, loaded):
    assert PromptSet.load(jsonl(ROWS), tokenizer, suffix="!")[0].prompt_id == loaded[0].prompt_id


@pytest.fixture
def beginning():
    """A tokenizer that puts a beginning-of-text token before everything, and whose template writes it too."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = build_tokenizer()
    pad = ("<|endoftext|>", tokenizer.pad_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<|endoftext|> $A", special_tokens=[pad])
    tokenizer.chat_template = "<|endoftext|>" + tokenizer.chat_template
    return tokenizer


def test_a_template_that_writes_the_beginning_token_gets_no_second_one(jsonl, beginning):
    ids = PromptSet.load(jsonl(ROWS), beginning)[0].token_ids
    assert ids.count(beginning.pad_token_id) == 1


def test_bare_text_gets_the_tokenizers_own_special_tokens(jsonl, beginning):
    ids = PromptSet.load(jsonl(ROWS), beginning, template="none", suffix="=")[0].token_ids
    assert beginning.convert_ids_to_tokens(list(ids)) == ["<|endoftext|>", *"12+34="]


@pytest.mark.parametrize("column", ["problem", "question", "prompt"])
def test_the_prompt_column_is_found(jsonl, tokenizer, column):
    assert PromptSet.load(jsonl([{column: "1+1", "answer": "2"}]), tokenizer)[0].text == "1+1"


def test_columns_can_be_named(jsonl, tokenizer):
    rows = jsonl([{"problem": "no", "ask": "1+1", "answer": "no", "solution": "2"}])
    prompt = PromptSet.load(rows, tokenizer, prompt_column="ask", gold_column="solution")[0]
    assert (prompt.text, prompt.golds) == ("1+1", ("2",))


def test_parquet_gives_the_prompts_of_jsonl(tmp_path, jsonl, tokenizer):
    rows = [
        {"problem": "12+34", "answer": ["46"], "dataset": "a"},
        {"problem": "1", "answer": ["1", "one"], "dataset": "b"},
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    assert PromptSet.load(tmp_path / "rows.parquet", tokenizer) == PromptSet.load(jsonl(rows), tokenizer)


def test_a_path_may_be_text_and_blank_lines_and_a_byte_order_mark_are_skipped(tmp_path, tokenizer):
    (tmp_path / "rows.jsonl").write_bytes(b'\xef\xbb\xbf{"problem": "1", "answer": "1"}\n\n')
    assert len(PromptSet.load(str(tmp_path / "rows.jsonl"), tokenizer)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"rows\.jsonl has no rows; expected one problem a row"),
        (b'{"problem": "1", "answer": "1"}\n{"problem"', r"rows\.jsonl, line 2: not JSON"),
        (b'{"problem": "1", "answer": "1"}\n{"problem": "\xff"}', r"line 2: byte 14 is not UTF-8"),
        (b"[" * 100_000, r"line 1: not JSON"),
        (b"[1]", r"line 1: found a list, expected a JSON object"),
        (b"3", r"line 1: found the number 3, expected a JSON object"),
        (b'{"problem": "1", "answer": "1"}\n{"problem": "1"}', r"line 2: answer is missing or null"),
        (b'{"problem": "1", "answer": "1"}\n{"answer": "1"}', r"line 2: problem is missing or null, expected text"),
        (b'{"problem": " ", "answer": "1"}', r"line 1: problem is empty"),
        (b'{"problem": ["a"], "answer": "1"}', r"line 1: problem is a list, expected text"),
        (b'{"problem": "1", "answer": true}', r"line 1: answer is true or false, expected text, a finite number"),
        (b'{"problem": "1", "answer": NaN}', r"line 1: answer is the number nan"),
        (b'{"problem": "1", "answer": []}', r"line 1: answer is an empty list"),
        (b'{"problem": "1", "answer": ["1", null]}', r"line 1: answer is missing or null"),
        (b'{"problem": "\\ud800", "answer": "1"}', r"line 1: problem holds half of a surrogate pair at character 1"),
        (b'{"problem": "1", "answer": "1", "dataset": 3}', r"line 1: dataset is the number 3, expected text"),
    ],
)
def test_an_unusable_file_is_refused_with_its_line(tmp_path, tokenizer, content, message):
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=message):
        PromptSet.load(tmp_path / "rows.jsonl", tokenizer)


def test_a_missing_file_is_named(tmp_path, tokenizer):
    with pytest.raises(DataError, match=r"none\.jsonl is not a file"):
        PromptSet.load(tmp_path / "none.jsonl", tokenizer)


def test_a_file_of_another_kind_is_refused(tmp_path, tokenizer):
    with pytest.raises(ConfigError, match=r"ends in '\.csv'; rows are read from \.jsonl and \.parquet files"):
        PromptSet.load(tmp_path / "rows.csv", tokenizer)


def test_a_file_that_is_not_parquet_is_refused(tmp_path, tokenizer):
    (tmp_path / "rows.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(DataError, match=r"rows\.parquet cannot be read as Parquet"):
        PromptSet.load(tmp_path / "rows.parquet", tokenizer)


def test_a_row_of_parquet_is_named(tmp_path, tokenizer):
    pl.DataFrame({"problem": ["1", None], "answer": ["1", "2"]}).write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="row 2: problem is missing or null"):
        PromptSet.load(tmp_path / "rows.parquet", tokenizer)


def test_a_missing_prompt_column_lists_what_was_found(jsonl, tokenizer):
    with pytest.raises(
        ConfigError,
        match=r"no column problem or question or prompt; found text, answer; name the column with data\.prompt_column",
    ):
        PromptSet.load(jsonl([{"text": "1", "answer": "1"}]), tokenizer)


def test_a_missing_gold_column_lists_what_was_found(jsonl, tokenizer):
    with pytest.raises(ConfigError, match=r"no column answer; found problem, gold; .* data\.gold_column"):
        PromptSet.load(jsonl([{"problem": "1", "gold": "1"}]), tokenizer)


def test_a_named_column_that_is_missing_is_not_replaced(jsonl, tokenizer):
    with pytest.raises(ConfigError, match="no column ask; found problem, answer"):
        PromptSet.load(jsonl([{"problem": "1", "answer": "1"}]), tokenizer, prompt_column="ask")


def test_a_prompt_beyond_the_limit_is_named_with_its_length(jsonl, tokenizer):
    longest = jsonl([{"problem": "1", "answer": "1"}, {"problem": "1" * 30, "answer": "1"}])
    with pytest.raises(DataError, match=r"line 2: the prompt has 38 tokens, more than data\.max_prompt_tokens=20"):
        PromptSet.load(longest, tokenizer, max_prompt_tokens=20)


def test_a_prompt_at_the_limit_is_kept(jsonl, tokenizer):
    rows = jsonl([{"problem": "1" * 30, "answer": "1"}])
    assert len(PromptSet.load(rows, tokenizer, max_prompt_tokens=38)[0].token_ids) == 38


def test_a_tokenizer_without_chat_template_asks_for_none(jsonl):
    tokenizer = build_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(ConfigError, match=r"no chat template; set data\.template=none"):
        PromptSet.load(jsonl(ROWS), tokenizer)


def test_a_template_that_refuses_a_system_message_says_so(jsonl):
    tokenizer = build_tokenizer()
    tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(ConfigError, match="refuses system and user messages: no system role"):
        PromptSet.load(jsonl(ROWS), tokenizer, system="Add.")


def test_a_system_message_needs_a_chat_template(jsonl, tokenizer):
    with pytest.raises(ConfigError, match=r"data\.system needs a chat template"):
        PromptSet.load(jsonl(ROWS), tokenizer, system="Add.", template="none")


def test_an_unknown_template_is_refused(jsonl, tokenizer):
    with pytest.raises(ConfigError, match=r"data\.template='jinja' is unknown; use chat or none"):
        PromptSet.load(jsonl(ROWS), tokenizer, template="jinja")


@given(size=st.integers(1, 40), seed=st.integers(0, 2**63), epoch=st.integers(0, 1000))
def test_every_epoch_draws_each_prompt_once(size, seed, epoch):
    order = PromptOrder(size, seed)
    assert sorted(order.at(epoch * size + offset) for offset in range(size)) == list(range(size))


@given(cursors=st.lists(st.integers(0, 500), min_size=1))
def test_the_order_has_no_memory(cursors):
    walked = PromptOrder(7, 3)
    assert [walked.at(cursor) for cursor in cursors] == [PromptOrder(7, 3).at(cursor) for cursor in cursors]


def test_the_order_is_the_same_in_every_version():
    assert [PromptOrder(8, 0).at(cursor) for cursor in range(8)] == [2, 6, 4, 7, 0, 5, 1, 3]


def test_epochs_differ():
    order = PromptOrder(100, 1)
    assert [order.at(cursor) for cursor in range(100)] != [order.at(100 + cursor) for cursor in range(100)]


def test_seeds_differ():
    assert [PromptOrder(100, 1).at(cursor) for cursor in range(100)] != [
        PromptOrder(100, 2).at(cursor) for cursor in range(100)
    ]


def test_a_draws_group_id_is_its_cursor(loaded):
    assert [each.group_id for each in draw(loaded, PromptOrder(3, 0), 4, 3)] == [4, 5, 6]


def test_drawing_in_parts_is_drawing_at_once(loaded):
    order = PromptOrder(3, 0)
    assert draw(loaded, order, 0, 2) + draw(loaded, order, 2, 5) == draw(loaded, order, 0, 7)


def test_two_epochs_draw_each_prompt_twice(loaded):
    counts = Counter(each.prompt.text for each in draw(loaded, PromptOrder(3, 0), 0, 6))
    assert set(counts.values()) == {2}
