r"""What `verify_batch` takes as columns of responses and of golds: lists, polars, pyarrow, numpy, pandas, iterators."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from twogrpo.errors import VerifyError
from twogrpo.verifier import answer_kinds, verify_batch

RESPONSES = [r"\boxed{1}", r"\boxed{2}", "none"]
GOLDS = ["1", "3", "1"]
STATUSES = ["match", "mismatch", "no_answer"]
LISTS = [["1", "5"], ["3", "2"], ["1", "2"]]
OF_LISTS = ["match", "match", "no_answer"]
CATEGORIES = pl.Enum([*RESPONSES, "1", "3"])

TEXTS = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "polars": pl.Series,
    "polars of two chunks": lambda texts: pl.Series(texts[:1]).append(pl.Series(texts[1:])),
    "polars slice": lambda texts: pl.Series(["x", *texts, "x"]).slice(1, len(texts)),
    "polars categories": lambda texts: pl.Series(texts, dtype=pl.Categorical),
    "polars enumeration": lambda texts: pl.Series(texts, dtype=CATEGORIES),
    "pyarrow": pa.array,
    "pyarrow large": lambda texts: pa.array(texts, pa.large_string()),
    "pyarrow views": lambda texts: pa.array(texts, pa.string_view()),
    "pyarrow chunks": lambda texts: pa.chunked_array([texts[:1], [], texts[1:]]),
    "pyarrow dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    "pyarrow chunks of dictionaries": lambda texts: pa.chunked_array([texts[:1], texts[1:]]).dictionary_encode(),
    "numpy objects": lambda texts: np.array(texts, dtype=object),
    "numpy texts": np.array,
}
GOLD_LISTS = {
    "list": list,
    "list of tuples": lambda rows: [tuple(row) for row in rows],
    "list of arrays": lambda rows: [np.array(row) for row in rows],
    "polars": pl.Series,
    "polars of fixed length": lambda rows: pl.Series(rows, dtype=pl.Array(pl.String, 2)),
    "pyarrow": pa.array,
    "pyarrow large": lambda rows: pa.array(rows, pa.large_list(pa.large_string())),
    "pyarrow of fixed length": lambda rows: pa.array(rows, pa.list_(pa.string(), 2)),
    "pyarrow chunks": lambda rows: pa.chunked_array([rows[:1], rows[1:]]),
    "numpy objects": lambda rows: np.array([*rows, None], dtype=object)[:-1],
    "numpy table": lambda rows: np.array(rows, dtype=object),
}


def statuses(responses, golds):
    return verify_batch(responses, golds)["status"].to_list()


@pytest.mark.parametrize("wrap", TEXTS.values(), ids=TEXTS)
def test_texts_of_any_kind(wrap):
    assert statuses(wrap(RESPONSES), GOLDS) == STATUSES
    assert statuses(RESPONSES, wrap(GOLDS)) == STATUSES


@pytest.mark.parametrize("wrap", TEXTS.values(), ids=TEXTS)
def test_bare_answers_of_any_kind(wrap):
    assert answer_kinds(wrap(GOLDS)) == ["integer"] * 3


@pytest.mark.parametrize("wrap", GOLD_LISTS.values(), ids=GOLD_LISTS)
def test_lists_of_golds_of_any_kind(wrap):
    assert statuses(RESPONSES, wrap(LISTS)) == OF_LISTS


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_columns_of_pandas(dtype):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({"response": RESPONSES, "gold": GOLDS}, index=[7, 3, 3]).astype(dtype)
    assert statuses(frame["response"], frame["gold"]) == STATUSES


def test_lists_in_a_column_of_pandas():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    assert statuses(pd.Series(RESPONSES), pd.Series(LISTS)) == OF_LISTS


@pytest.mark.filterwarnings("ignore")  # datasets and what it imports warn about their own future
def test_columns_of_datasets():
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    rows = datasets.Dataset.from_dict({"response": RESPONSES, "gold": GOLDS, "golds": LISTS})
    assert statuses(rows["response"], rows["gold"]) == STATUSES
    assert statuses(rows["response"], rows["golds"]) == OF_LISTS


def test_the_result_of_a_query_of_duckdb():
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    rollouts = pl.DataFrame({"response": RESPONSES, "gold": GOLDS})  # noqa: F841  # found by its name
    found = duckdb.sql("from rollouts").to_arrow_table()
    assert statuses(found["response"], found["gold"]) == STATUSES


@pytest.mark.parametrize(
    "golds",
    [[1, 2, 3], np.array([1, 2, 3]), pl.Series([1, 2, 3]), pa.array([1.5, 2.5, 3.5]), [{"a": 1}, {"a": 2}, {"a": 3}]],
)
def test_what_is_no_text_is_one_line_that_says_so(golds):
    with pytest.raises(VerifyError, match=r"^golds .*text[^\n]*$"):
        verify_batch(RESPONSES, golds)


@pytest.mark.parametrize("table", [pl.DataFrame({"gold": GOLDS}), pa.table({"gold": GOLDS})])
def test_a_table_is_no_column(table):
    with pytest.raises(VerifyError, match="golds is a column of Struct"):
        verify_batch(RESPONSES, table)
