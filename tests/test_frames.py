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


def test_a_literal_is_the_gold_of_every_row_in_every_engine():
    frame = pl.DataFrame({"response": [r"\boxed{3}", r"\boxed{4}"] * 50_000})
    query = frame.lazy().select(pl.col("response").twogrpo.verify(pl.lit("3"), field="correct"))
    assert query.collect()["response"].sum() == 50_000
    assert query.collect(engine="streaming").equals(query.collect())


def test_a_literal_may_be_a_list_of_golds(frame):
    golds = pl.lit(pl.Series([["2", "3"]]))
    assert verdicts(frame, golds).struct.field("correct").to_list() == [True, True, False, False]


def test_golds_may_be_named_as_a_column_or_given_as_an_expression(frame):
    assert verdicts(frame, pl.col("answer")).equals(verdicts(frame, "answer"))


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["2", "4", "5", "7"])])
def test_golds_may_be_categories(frame, dtype):
    assert verdicts(frame.with_columns(pl.col("answer").cast(dtype))).equals(verdicts(frame))


def test_one_field_may_be_asked_for(frame):
    whole = verdicts(frame)
    for field in VERDICT.fields:
        alone = verdicts(frame, field=field.name)
        assert (alone.name, alone.dtype) == ("response", field.dtype)
        assert alone.to_list() == whole.struct.field(field.name).to_list()


def test_the_type_of_one_field_is_known_before_the_query_runs(frame):
    query = frame.lazy().select(pl.col("response").twogrpo.verify("answer", field="reward"))
    assert query.collect_schema() == {"response": pl.Float32}


def test_a_query_over_a_file_is_streamed(frame, tmp_path):
    frame.write_parquet(tmp_path / "rollouts.parquet")
    verdict = pl.col("response").twogrpo.verify("answer", profile="eval", field="correct")
    rows = pl.scan_parquet(tmp_path / "rollouts.parquet").filter(verdict)
    assert rows.collect(engine="streaming")["answer"].to_list() == ["2", "7"]
    rows.sink_parquet(tmp_path / "right.parquet")
    assert pl.read_parquet(tmp_path / "right.parquet")["answer"].to_list() == ["2", "7"]


def test_a_null_in_a_list_of_golds_is_left_out():
    golds = pl.Series([[None, "1"], [None], [], None], dtype=pl.List(pl.String))
    frame = pl.DataFrame({"response": [r"\boxed{1}"] * 4, "answer": golds})
    assert verdicts(frame, field="status").to_list() == ["match", "unparsable_gold", "unparsable_gold", None]


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


@pytest.mark.parametrize("option", [{"profile": "lenient"}, {"mode": "essay"}, {"field": "verdict"}])
def test_an_unknown_name_is_an_error_before_the_query_runs(option):
    with pytest.raises(VerifyError, match=r"lenient|essay|field='verdict' is unknown; use one of correct, status"):
        pl.col("response").twogrpo.verify("answer", **option)


def test_a_column_that_holds_no_text_is_named():
    frame = pl.DataFrame({"response": [1, 2], "answer": ["1", "2"]})
    with pytest.raises(VerifyError, match="responses"):
        verdicts(frame)
