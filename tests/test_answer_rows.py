"""Rows of answers: what they hold, and what is refused."""

import polars as pl
import pytest

from tests.conftest import write_rows
from twogrpo.answer_rows import read_answers
from twogrpo.errors import DataError


def read(tmp_path, *rows, **options):
    return list(read_answers(write_rows(tmp_path / "rows.jsonl", rows), **options))


@pytest.mark.parametrize(
    ("row", "mode"),
    [
        ({"pred": "1"}, "answer"),
        ({"response": "1"}, "response"),
        ({"pred": "1", "response": None}, "answer"),
        ({"pred": "1", "mode": "full"}, "response"),
        ({"response": "1", "mode": "pair"}, "answer"),
        ({"pred": "1", "mode": "text"}, "text"),
        ({"pred": "1", "mode": None}, "answer"),
    ],
)
def test_the_mode_is_the_row_s_or_follows_from_its_column(tmp_path, row, mode):
    (answer,) = read(tmp_path, {"gold": "1", **row})
    assert answer.mode == mode


def test_a_mode_for_all_rows_gives_way_to_the_row_s_own(tmp_path):
    rows = [{"gold": "1", "pred": "1"}, {"gold": "1", "pred": "1", "mode": "pair"}]
    assert [answer.mode for answer in read(tmp_path, *rows, mode="text")] == ["text", "answer"]


def test_golds_and_preds_may_be_numbers_and_golds_lists(tmp_path):
    (answer,) = read(tmp_path, {"gold": [1, 0.5, "x"], "pred": 10**400})
    assert answer.golds == ("1", "0.5", "x")
    assert answer.text == "1" + "0" * 400


@pytest.mark.parametrize("given", ["a", 7, 1.5, True, None])
def test_an_id_is_any_scalar(tmp_path, given):
    (answer,) = read(tmp_path, {"id": given, "gold": "1", "pred": "1"})
    assert answer.id == given


def test_a_row_without_id_has_its_number(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"gold": "1", "pred": "1"}\n\n{"gold": "1", "pred": "1"}\n')
    assert [(answer.id, answer.place) for answer in read_answers(file)] == [
        (1, f"{file}, line 1"),
        (2, f"{file}, line 3"),
    ]


def test_rows_of_parquet_have_nulls_for_the_other_column(tmp_path):
    frame = pl.DataFrame({"id": [5, 6], "gold": [["1"], ["2"]], "pred": ["1", None], "response": [None, "2"]})
    frame.write_parquet(tmp_path / "rows.parquet")
    assert [(row.id, row.golds, row.text, row.mode) for row in read_answers(tmp_path / "rows.parquet")] == [
        (5, ("1",), "1", "answer"),
        (6, ("2",), "2", "response"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"pred": "1"}, "gold is missing or null; columns found: pred"),
        ({"gold": None, "pred": "1"}, "gold is missing or null"),
        ({"gold": ["1", None], "pred": "1"}, "gold is missing or null, expected text"),
        ({"gold": [], "pred": "1"}, "gold is an empty list"),
        ({"gold": True, "pred": "1"}, "gold is true or false"),
        ({"gold": "1"}, "neither pred nor response; columns found: gold"),
        ({"gold": "1", "pred": "1", "response": "1"}, "both pred and response"),
        ({"gold": "1", "pred": [1]}, "pred is a list"),
        ({"gold": "1", "response": 1}, "response is the number 1, expected text"),
        ({"gold": "1", "pred": "\ud800"}, "pred holds half of a surrogate pair"),
        ({"gold": "1", "pred": "1", "mode": "answer"}, "mode is 'answer'; expected pair, text, full or none"),
        ({"gold": "1", "pred": "1", "mode": 3}, "mode is the number 3"),
        ({"gold": "1", "pred": "1", "id": {}}, "id is an object"),
        ({"gold": "1", "pred": "1", "id": float("nan")}, "id is the number nan"),
    ],
)
def test_an_unusable_row_is_named_with_its_place(tmp_path, row, message):
    with pytest.raises(DataError, match=f"rows.jsonl, line 2: {message}"):
        read(tmp_path, {"gold": "1", "pred": "1"}, row)


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(DataError, match="has no rows"):
        read(tmp_path)
