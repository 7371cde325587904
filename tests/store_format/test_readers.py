"""polars, DuckDB, pyarrow and `datasets` read equal tables from the glob, of a store with all that may differ in it.

Several runs and writers, an evaluation, scores that only later segments have, nulls, float16 logprobs, superseded rows.
"""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import twogrpo as tg
from tests.store_format.rollouts import bare_rows, full_rows

GLOB = "run=*/*.parquet"
ORDER = ["run_id", "step", "writer", "group_id", "rollout_idx"]
SCORES = ["reward_format", "reward_answer"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers") / "store"
    with tg.RolloutStore.open(folder, run_id="b.1", writer="w0") as first:
        first.append(bare_rows(), 0)
        first.append(full_rows().drop(SCORES), 1)
        first.append(full_rows(), 2)
        first.append(bare_rows(), 1, phase="eval")
    with tg.RolloutStore.open(folder, run_id="b.1", writer="w0", resume_step=1) as again:
        again.append(full_rows(), 2)
    with tg.RolloutStore.open(folder, run_id="b.1", writer="w1") as second:
        second.append(full_rows(), 2)
    with tg.RolloutStore.open(folder, run_id="a", logprob_dtype="float16") as other:
        other.append(full_rows().drop("reward_answer"), 7)
    return tg.RolloutStore.open(folder)


@pytest.fixture(scope="module")
def expected(store):
    return plain(store.scan().collect())


def plain(table):
    """Return a table as every reader can have it: without `run`, in one order of rows and columns, of one width."""
    table = pl.DataFrame(table).drop("run", strict=False)
    table = table.with_columns(
        pl.col("logprobs").cast(pl.List(pl.Float32)),
        pl.col("created_at").dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC")),
    )
    return table.select(sorted(table.columns)).sort(ORDER)


def test_the_store_holds_what_may_differ(store, expected):
    assert expected.height == 12
    assert expected["run_id"].unique().sort().to_list() == ["a", "b.1"]
    assert expected["reward_answer"].null_count() == 8
    assert store.info().superseded_rows == 2
    widths = {str(pl.read_parquet_schema(file)["logprobs"]) for file in store.segments()}
    assert widths == {"List(Float32)", "List(Float16)"}


def test_polars(store, expected):
    """Two widths of logprobs are more than its scan of many files takes, so they are read file by file."""
    files = [pl.read_parquet(file, hive_partitioning=True) for file in sorted(store.path.glob(GLOB))]
    assert [name for name in files[0].columns if name == "run"] == ["run"]
    narrow = [file.with_columns(pl.col("logprobs").cast(pl.List(pl.Float32))) for file in files]
    assert_frame_equal(plain(pl.concat(narrow, how="diagonal")), expected)


def test_polars_scans_the_glob(store, expected):
    found = pl.scan_parquet(
        store.path / GLOB,
        hive_partitioning=True,
        missing_columns="insert",
        extra_columns="ignore",
        schema=pl.Schema({**expected.schema, "run": pl.String()}),
        cast_options=pl.ScanCastOptions(float_cast="upcast"),
    )
    assert_frame_equal(plain(found.collect()), expected)


def test_duckdb(store, expected):
    duckdb = pytest.importorskip("duckdb", reason="needs `pip install duckdb`")
    options = "hive_partitioning = true, union_by_name = true"
    wide = duckdb.sql(f"from read_parquet('{store.path}/run=b.1/*.parquet', {options})").to_arrow_table()
    assert_frame_equal(plain(wide), expected.filter(run_id="b.1"))
    # DuckDB 2.0 knows the encoding of float16 logprobs for wider numbers alone.
    every = duckdb.sql(f"select * exclude (logprobs) from read_parquet('{store.path / GLOB}', {options})")  # noqa: S608  # a path of the test's own
    found = pl.DataFrame(every.to_arrow_table()).join(expected.select("rollout_id", "logprobs"), on="rollout_id")
    assert_frame_equal(plain(found), expected)


def test_pyarrow(store, expected):
    pa = pytest.importorskip("pyarrow", reason="needs `pip install pyarrow`")
    dataset = pytest.importorskip("pyarrow.dataset")
    # Its data set takes one schema; names that begin with _ are passed over.
    fields = [dataset.dataset(file).schema for file in store.segments()]
    schema = pa.unify_schemas(fields, promote_options="permissive")
    found = dataset.dataset(store.path, schema=schema.append(pa.field("run", pa.string())), partitioning="hive")
    assert len(found.files) == len(store.segments())
    assert_frame_equal(plain(found.to_table()), expected)


@pytest.mark.filterwarnings("ignore")
def test_datasets(store, expected, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs `pip install '.[bench]'`")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    # It takes the columns of the first file; a run without further scores and widths is read as it stands.
    runs = {file.parent.name for file in store.segments()}
    assert runs == {"run=a", "run=b.1"}
    loaded = datasets.load_dataset("parquet", data_files=str(store.path / "run=a" / "*.parquet"), split="train")
    found = pl.DataFrame(loaded.data.table)
    mine = expected.filter(run_id="a").drop("reward_answer")
    assert_frame_equal(plain(found), mine)


def test_a_reader_of_everything_finds_what_was_moved_aside(store):
    both = store.scan(include_superseded=True).collect()
    assert both.filter("is_superseded").select("run_id", "step", "attempt").unique().rows() == [("b.1", 2, 1)]
