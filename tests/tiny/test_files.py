"""The embedded default on disk."""

import json

import pytest

from twogrpo.errors import ConfigError
from twogrpo.tiny import load_examples, materialise
from twogrpo.tiny.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return materialise(tmp_path_factory.mktemp("tiny") / "made", 7, warm_start_steps=2)


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def contents(files):
    """Bytes of every file but the marker, which holds the seconds it took."""
    paths = sorted(path for path in files.folder.rglob("*") if path.is_file() and path.name != "tiny.json")
    return {str(path.relative_to(files.folder)): path.read_bytes() for path in paths}


def test_a_data_row_has_problem_answer_and_dataset(made):
    row = rows(made.train)[0]
    assert list(row) == ["problem", "answer", "dataset"]


def test_the_files_hold_the_published_numbers_of_problems(made):
    counts = [len(rows(path)) for path in (made.train, made.validation, made.test, made.demonstrations)]
    assert counts == [8125, 1293, 1200, 8125]


def test_the_test_set_holds_400_problems_of_each_family(made):
    datasets = [row["dataset"] for row in rows(made.test)]
    assert [datasets.count(f"tiny/{family}") for family in ("add", "sub", "add3")] == [400, 400, 400]


def test_each_demonstration_belongs_to_the_training_problem_in_its_row(made):
    assert [row["problem"] for row in rows(made.demonstrations)] == [row["problem"] for row in rows(made.train)]


def test_transformers_opens_the_model_folder(made):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(made.model)
    model = AutoModelForCausalLM.from_pretrained(made.model)
    messages = [{"role": "user", "content": "1+2"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answer = model.generate(**prompt, max_new_tokens=3, do_sample=False)
    assert answer.shape[1] > prompt["input_ids"].shape[1]


def test_a_loaded_tokenizer_is_the_one_that_was_saved(made):
    """A loader that picks another class would split text otherwise than the weights were trained on."""
    from transformers import AutoTokenizer

    built, loaded = build_tokenizer(), AutoTokenizer.from_pretrained(made.model)
    assert type(loaded) is type(built)
    assert loaded.get_vocab() == built.get_vocab()
    assert loaded.special_tokens_map == built.special_tokens_map
    assert loaded.backend_tokenizer.to_str() == built.backend_tokenizer.to_str()
    assert loaded.chat_template == built.chat_template


def test_every_token_has_a_row_in_the_embedding(made):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(made.model)
    assert len(AutoTokenizer.from_pretrained(made.model)) == model.get_input_embeddings().num_embeddings


def test_the_demonstrations_can_be_trained_on(made):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(made.model)
    examples = load_examples(made.demonstrations, tokenizer)
    assert examples[0].response_ids[-1] == tokenizer.eos_token_id


def test_the_same_seed_gives_the_same_bytes(made, tmp_path):
    again = materialise(tmp_path / "again", 7, warm_start_steps=2)
    assert contents(again) == contents(made)


def test_another_seed_gives_other_weights_and_the_same_test_set(made, tmp_path):
    other = contents(materialise(tmp_path / "other", 8, warm_start_steps=2))
    same = {name for name, content in contents(made).items() if other[name] == content}
    assert "model/model.safetensors" not in same
    assert {"test.jsonl", "validation.jsonl"} <= same


def test_a_complete_folder_is_used_again(made):
    steps = []
    materialise(made.folder, 7, warm_start_steps=2, on_step=lambda *step: steps.append(step))
    assert steps == []


def test_the_callback_hears_of_every_step(tmp_path):
    steps = []
    materialise(tmp_path / "made", 7, warm_start_steps=2, on_step=lambda step, total, _: steps.append((step, total)))
    assert steps == [(1, 2), (2, 2)]


def test_a_folder_of_another_seed_is_refused(made):
    with pytest.raises(ConfigError, match=r"\(1, 7, 2\), not of \(1, 9, 2\); remove it or name another folder"):
        materialise(made.folder, 9, warm_start_steps=2)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="no complete tiny folder"):
        materialise(tmp_path, 7, warm_start_steps=2)


def test_an_interrupted_start_leaves_nothing_behind(tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialise(tmp_path / "made", 7, warm_start_steps=2, on_step=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_the_marker_tells_the_share_of_right_demonstrations(made):
    assert 0.50 < made.marker().demonstrations_right < 0.54
