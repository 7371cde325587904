import pytest

from tests.conftest import write_rows
from twogrpo.config import OnlineConfig
from twogrpo.errors import ConfigError, DataError
from twogrpo.preflight.problem_sets import check_vocabulary, load_problems, load_rows, problems_section
from twogrpo.tiny.files import split_problems
from twogrpo.tiny.tokenizer import build_tokenizer


def config(*overrides):
    return OnlineConfig.load(None, ["model.path=m", "data.path=d", *overrides])


def load(path, *overrides):
    return load_problems(str(path), config(*overrides), build_tokenizer(), "train")


def facts(section):
    return {fact.name: fact.value for fact in section.facts}


@pytest.fixture
def rows(tmp_path):
    def write(*golds):
        rows = [{"question": f"{n}+1", "answer": gold, "level": 1} for n, gold in enumerate(golds)]
        return write_rows(tmp_path / "p.jsonl", rows)

    return write


def test_columns_and_rows_are_named(rows):
    found = facts(problems_section("data", load(rows("1", "2"))))
    assert found["rows"] == 2
    assert found["columns"] == ["question", "answer", "level"]
    assert (found["prompt_column"], found["gold_column"]) == ("question", "answer")


def test_lengths_are_of_the_rendered_prompts(tmp_path):
    file = write_rows(tmp_path / "p.jsonl", [{"problem": "1" * n, "answer": 1} for n in (1, 2, 3, 30)])
    found = facts(problems_section("data", load(file)))["prompt_tokens"]
    alone = facts(problems_section("data", load(file, "data.template=none")))["prompt_tokens"]
    assert alone == {"min": 1, "median": 2.5, "p99": 30, "max": 30}
    assert found["max"] - alone["max"] == found["min"] - alone["min"] > 0


def test_a_repeated_problem_is_counted_and_warned_of_if_its_golds_differ(tmp_path):
    same = [{"problem": "1+1", "answer": 2}] * 3
    section = problems_section("data", load(write_rows(tmp_path / "p.jsonl", same)))
    assert (facts(section)["duplicates"], section.warnings) == (2, ())
    section = problems_section("data", load(write_rows(tmp_path / "q.jsonl", [*same, {"problem": "1+1", "answer": 3}])))
    assert section.warnings[0].startswith("1 repeated problem with unlike golds")


def test_problems_that_are_also_trained_on_are_counted(rows):
    found = load(rows("1", "2", "3"))
    section = problems_section("evaluation data", found, trained_on=found.prompts[:2])
    assert facts(section)["also_trained_on"] == 2
    assert "2 of 3 problems also trained on" in section.warnings[0]


def test_tiny_problems_are_those_of_the_run_folder_without_one():
    found = load("tiny", "seed=5")
    assert [prompt.text for prompt in found.prompts] == [problem.question for problem in split_problems("train", 5)]


def test_rows_are_read_without_a_tokenizer(rows):
    assert len(load_rows(str(rows("1", "2")), config(), "train")) == 2
    with pytest.raises(ConfigError, match="has no column gold"):
        load_rows(str(rows("1")), config("data.gold_column=gold"), "train")


def test_a_token_that_the_model_does_not_know_is_refused(rows):
    found = load(rows("1", "2"))
    check_vocabulary(found, 280)
    with pytest.raises(DataError, match=r"p\.jsonl, line 1: the prompt has token id 279, .* 0 to 278, as in 2 rows"):
        check_vocabulary(found, 279)
