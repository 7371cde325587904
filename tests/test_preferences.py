"""Preference data says what the policy was asked and what it answered, whatever the run's template."""

import json

import polars as pl
import pytest
from transformers import AutoTokenizer

from tests.stored_run import RESPONSES, build_run
from twogrpo import ConfigError, DataError, PairSpec, RolloutStore, build_pairs
from twogrpo.preferences import Asked, scan_preferences
from twogrpo.prompts import PromptSet

KEYS = ("data.system=Be brief.", "data.suffix=' Think.'")
ASKED = Asked("chat", system="Be brief.", suffix=" Think.")


@pytest.fixture(scope="session")
def tokenizer(model_folder):
    return AutoTokenizer.from_pretrained(model_folder)


@pytest.fixture
def make_store(tmp_path, model_folder, problems):
    def make(*keys, **options):
        return RolloutStore.open(build_run(tmp_path / "run", model_folder, problems, *keys, **options))

    return make


def preferences(store, asked, **options):
    return scan_preferences(store, build_pairs(store, PairSpec()), asked, **options).collect()


def test_messages_hold_system_suffix_and_the_responses(make_store):
    first = preferences(make_store(*KEYS), ASKED).row(0, named=True)
    assert first["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "10+13 Think."},
    ]
    assert first["chosen"] == [{"role": "assistant", "content": RESPONSES[0][0]}]
    assert first["rejected"] == [{"role": "assistant", "content": RESPONSES[0][1]}]


def test_without_a_system_message_there_is_none(make_store):
    first = preferences(make_store(), Asked("chat")).row(0, named=True)
    assert first["prompt"] == [{"role": "user", "content": "10+13"}]


def test_messages_render_to_the_ids_that_the_policy_was_fed(make_store, tokenizer):
    rows = preferences(make_store(*KEYS), ASKED, with_ids=True)
    for row in rows.iter_rows(named=True):
        ids = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True)["input_ids"]
        assert ids == row["prompt_ids"]


def test_rendered_text_is_tokenised_to_the_ids_that_the_policy_was_fed(make_store, tokenizer):
    rows = preferences(make_store(*KEYS), ASKED, form="standard", tokenizer=tokenizer, with_ids=True)
    assert rows["prompt"][0].startswith("<|im_start|>system\nBe brief.<|im_end|>")
    assert tokenizer(rows["prompt"].to_list(), add_special_tokens=False)["input_ids"] == rows["prompt_ids"].to_list()
    assert rows["chosen"][0] == RESPONSES[0][0]


def test_bare_prompts_are_problem_and_suffix(make_store, tokenizer, problems):
    store = make_store("data.template=none", "data.suffix=' ='")
    rows = preferences(store, Asked("none", suffix=" ="), with_ids=True)
    assert rows["prompt"][0] == "10+13 ="
    expected = PromptSet.load(problems, tokenizer, suffix=" =", template="none")
    assert rows["prompt_ids"][0].to_list() == list(expected[0].token_ids)


def test_rows_are_every_pair_once_in_the_order_of_the_store(make_store):
    store = make_store()
    pairs = build_pairs(store, PairSpec())
    rows = scan_preferences(store, pairs, Asked("chat")).collect()
    assert rows["group_id"].to_list() == [0, 1, 2, 4, 5, 6]
    columns = ["pair_id", "chosen_rollout_id", "rejected_rollout_id", "prompt_id", "margin"]
    assert rows.select(columns).sort("pair_id").equals(pairs.select(columns).sort("pair_id"))


def test_facts_about_both_responses_stand_beside_them(make_store):
    third = preferences(make_store(), Asked("chat")).row(2, named=True)
    assert (third["chosen_reward"], third["rejected_reward"], third["margin"]) == (1.0, 0.0, 1.0)
    assert (third["chosen_finish_reason"], third["rejected_finish_reason"]) == ("stop", "length")
    assert (third["run_id"], third["step"]) == ("run", 0)


def test_sampled_ids_are_further_columns(make_store, tokenizer):
    rows = preferences(make_store(), Asked("chat"), with_ids=True)
    assert (
        tokenizer.batch_decode(rows["chosen_ids"].to_list(), skip_special_tokens=True)
        == [chosen for chosen, _ in RESPONSES[:3]] * 2
    )


def test_without_ids_there_are_no_columns_of_ids(make_store):
    assert not [name for name in preferences(make_store(), Asked("chat")).columns if name.endswith("_ids")]


def test_text_that_was_not_stored_is_decoded(make_store, tokenizer):
    rows = preferences(make_store(keep_text=False), Asked("chat"), tokenizer=tokenizer)
    assert [message[0]["content"] for message in rows["rejected"].to_list()] == [
        rejected for _, rejected in RESPONSES[:3]
    ] * 2


def test_without_text_and_tokenizer_the_error_says_what_is_needed(make_store):
    with pytest.raises(ConfigError, match="3 responses were stored without text; to decode them"):
        preferences(make_store(keep_text=False), Asked("chat"))


def test_a_chosen_column_and_the_first_rows_are_read(make_store):
    store = make_store()
    rows = scan_preferences(store, build_pairs(store, PairSpec()), Asked("chat"))
    assert rows.select("margin").head(4).collect()["margin"].to_list() == [1.0] * 4
    assert rows.filter(pl.col("step") == 1).collect().height == 3


@pytest.mark.parametrize(
    ("asked", "form", "message"),
    [
        (Asked("none"), "conversational", "which messages would not reproduce"),
        (Asked("chat"), "standard", "needs the policy's tokenizer"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_before_anything_is_read(make_store, asked, form, message):
    store = make_store()
    with pytest.raises(ConfigError, match=message):
        scan_preferences(store, build_pairs(store, PairSpec()), asked, form=form)


@pytest.mark.parametrize(("column", "options"), [("prompt", {}), ("prompt_ids", {"with_ids": True})])
def test_what_was_not_stored_is_named(tmp_path, column, options):
    rows = pl.DataFrame({"group_id": 0, "rollout_idx": [0, 1], "prompt": "p", "response": "x", "reward": [1.0, 0.0]})
    with RolloutStore.open(tmp_path, run_id="r") as store:
        store.append(rows.rename({"prompt": "prompt_id"}) if column == "prompt" else rows, 0)
        store.flush()
        with pytest.raises(DataError, match=f"1 of 1 rollouts have no {column}: "):
            preferences(store, Asked("chat"), **options)


def test_json_lines_and_parquet_hold_the_same_rows(make_store, tmp_path):
    store = make_store(*KEYS)
    rows = scan_preferences(store, build_pairs(store, PairSpec()), ASKED, with_ids=True)
    rows.sink_ndjson(tmp_path / "p.jsonl")
    rows.sink_parquet(tmp_path / "p.parquet")
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert lines == pl.read_parquet(tmp_path / "p.parquet").to_dicts()
