"""Rollouts that were stored as text are tokenised as the policy would have been asked; stored ids stay as they are."""

import polars as pl
import pytest
from transformers import AutoTokenizer

import twogrpo as tg
from twogrpo.config import DpoConfig
from twogrpo.train import pair_text
from twogrpo.train.pair_data import load_pair_data
from twogrpo.train.pair_text import PairText


@pytest.fixture(scope="module")
def tokenizer(model_folder):
    return AutoTokenizer.from_pretrained(model_folder)


@pytest.fixture
def text(tokenizer):
    def make(*keys, tokenizer=tokenizer):
        return PairText(DpoConfig.load(None, ["model.path=unused", *keys]), lambda: tokenizer)

    return make


def rollouts(**columns):
    given = {"prompt": ["1+1", "1+1"], "response": ["2", "3"], "finish_reason": [None, "length"]}
    given |= {"rollout_id": [7, 8], "prompt_ids": [None, None], "response_ids": [None, None]} | columns
    ids = pl.List(pl.Int32)
    return pl.DataFrame(given, schema_overrides={"prompt_ids": ids, "response_ids": ids, "finish_reason": pl.String})


def test_the_prompt_is_rendered_as_configured(text, tokenizer):
    filled = text("data.system=Be brief.", "data.suffix=' Think.'").fill(rollouts())
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1 Think."}]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert filled["prompt_ids"].to_list() == [tokenizer(rendered, add_special_tokens=False)["input_ids"]] * 2


def test_without_a_template_the_text_is_tokenised_as_it_stands(text, tokenizer):
    filled = text("data.template=none").fill(rollouts())
    assert filled["prompt_ids"].to_list() == [tokenizer("1+1")["input_ids"]] * 2


def test_the_end_token_follows_where_a_response_was_not_cut(text, tokenizer):
    ids = text().fill(rollouts())["response_ids"].to_list()
    end = tokenizer.eos_token_id
    assert ids == [[*tokenizer("2")["input_ids"], end], tokenizer("3")["input_ids"]]


def test_an_end_token_in_the_text_is_not_doubled(text, tokenizer):
    written = [f"2{tokenizer.eos_token}", "3"]
    assert text().fill(rollouts(response=written))["response_ids"][0].to_list().count(tokenizer.eos_token_id) == 1


def test_rollouts_are_tokenised_slice_by_slice_in_their_order(text, monkeypatch):
    rows = {"prompt": ["1", "2", "1"], "response": ["4", "5", "6"], "finish_reason": ["length"] * 3}
    rows |= {"rollout_id": [7, 8, 9], "prompt_ids": [None, [1], [2]], "response_ids": [None, None, None]}
    whole = text().fill(rollouts(**rows))
    monkeypatch.setattr(pair_text, "_SLICE", 2)
    assert text().fill(rollouts(**rows)).equals(whole)
    singly = [text().fill(rollouts(**{name: [values[row]] for name, values in rows.items()})) for row in range(3)]
    assert pl.concat(singly).equals(whole)


def test_ids_that_are_stored_stay(text):
    filled = text().fill(rollouts(prompt_ids=[[1, 2], None], response_ids=[None, [3]]))
    assert filled["prompt_ids"][0].to_list() == [1, 2]
    assert filled["response_ids"][1].to_list() == [3]


@pytest.mark.parametrize("column", ["prompt", "response"])
def test_neither_ids_nor_text_is_named(text, column):
    with pytest.raises(tg.DataError, match=f"rollout 8 and 0 others have neither token ids nor text as their {column}"):
        text().fill(rollouts(**{column: ["x", None]}))


def pair_data(folder, text, **columns):
    with tg.RolloutStore.open(folder, run_id="r") as store:
        rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt": ["p"] * 2, "reward": [1.0, 0.0]}
        store.append(pl.DataFrame({**rows, "response": ["a", "b"], **columns}), step=0)
    store = tg.RolloutStore.open(folder)
    return load_pair_data(store, tg.build_pairs(store, tg.PairSpec()), text)


def test_tokenised_rollouts_are_counted(tmp_path, text):
    assert pair_data(tmp_path, text()).tokenised == 2
    assert pair_data(tmp_path / "one", text(), prompt_ids=[[1], [1]], response_ids=[[2], None]).tokenised == 1


def test_no_tokenizer_is_loaded_where_all_ids_are_stored(tmp_path):
    def refuse():
        raise AssertionError

    text = PairText(DpoConfig.load(None, ["model.path=unused"]), refuse)
    data = pair_data(tmp_path, text, prompt_ids=[[1], [1]], response_ids=[[2], [3]])
    assert (data.tokenised, sorted(data.response_ids.to_list())) == (0, [[2], [3]])
