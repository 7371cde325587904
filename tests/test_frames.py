import polars as pl
import pytest

from twogrpo import verify_batch
from twogrpo.errors import VerifyError
from twogrpo.frames import VERDICT

RESPONSES = [r"so it is \boxed{2}", r"\boxed{3}", "no idea", "The answer is 7."]
GOLDS = ["2", "4", "5", "7"]


@pytest.fixture
def frame():
    return pl.DataFrame({"response": RESPONSES, "answer": GOLDS})


def verdicts(frame, gold="answer", **options):
    query = frame.lazy().select(pl.col("response").twogrpo.verify(gold, **options))
    return query.collect().to_series()


def test_verdicts_are_those_of_the_batch(frame):
    assert verdicts(frame).struct.unnest().equals(verify_batch(RESPONSES, GOLDS))


def test_eager_lazy_and_streamed_queries_agree(frame):
    verdict = pl.col("response").twogrpo.verify("answer")
    eager = frame.select(verdict)
    assert frame.lazy().select(verdict).collect().equals(eager)
    assert frame.lazy().select(verdict).collect(engine="streaming").equals(eager)


def test_the_type_is_known_before_the_query_runs(frame):
    schema = frame.lazy().select(verdict=pl.col("response").twogrpo.verify("answer")).collect_schema()
    assert schema == {"verdict": VERDICT}


def test_rows_are_filtered_by_a_verdict(frame):
    is_correct = pl.col("response").twogrpo.verify("answer").struct.field("correct")
    assert frame.filter(is_correct)["answer"].to_list() == ["2"]


def test_a_literal_is_the_gold_of_every_row(frame):
    assert verdicts(frame, pl.lit("3")).struct.field("correct").to_list() == [False, True, False, False]


def test_any_of_several_golds_is_a_match(frame):
    golds = pl.concat_list(pl.lit("3"), "answer")
    assert verdicts(frame, golds).struct.field("correct").to_list() == [True, True, False, False]


def test_the_profile_is_used(frame):
    assert verdicts(frame, profile="rl").struct.field("correct").to_list() == [True, False, False, False]
    assert verdicts(frame, profile="eval").struct.field("correct").to_list() == [True, False, False, True]


def test_a_bare_answer_is_judged_as_one():
    frame = pl.DataFrame({"response": ["2"], "answer": ["2"]})
    assert verdicts(frame, mode="answer").struct.field("correct").to_list() == [True]


def test_nothing_is_judged_where_response_or_gold_is_null():
    frame = pl.DataFrame({"response": [r"\boxed{1}", None, r"\boxed{1}"], "answer": [None, "1", "1"]})
    assert verdicts(frame).struct.field("reward").to_list() == [None, None, 1.0]
    assert verdicts(frame).is_null().to_list() == [True, True, False]


def test_no_rows_make_no_verdicts(frame):
    assert verdicts(frame.clear()).to_list() == []


def test_a_window_judges_each_part_by_itself(frame):
    verdict = pl.col("response").twogrpo.verify("answer").struct.field("correct")
    assert frame.select(verdict.over("answer")).to_series().to_list() == [True, False, False, False]


@pytest.mark.parametrize("option", [{"profile": "lenient"}, {"mode": "essay"}])
def test_an_unknown_name_is_an_error_before_the_query_runs(option):
    with pytest.raises(VerifyError, match=r"lenient|essay"):
        pl.col("response").twogrpo.verify("answer", **option)


def test_a_column_that_holds_no_text_is_named():
    frame = pl.DataFrame({"response": [1, 2], "answer": ["1", "2"]})
    with pytest.raises(VerifyError, match="responses"):
        verdicts(frame)
