"""The golden store of schema v1: today's code reads it, and writes the same."""

import json
import shutil

import polars as pl
import pytest

import twogrpo as tg
from tests.store_format.golden import STORE, TABLE, rows_of, write_store


@pytest.fixture
def golden(tmp_path):
    """Return a copy, as opening a store may write into it."""
    shutil.copytree(STORE, tmp_path / "golden")
    return tg.RolloutStore.open(tmp_path / "golden")


@pytest.fixture
def fresh(tmp_path):
    return write_store(tmp_path / "fresh")


def footers(store):
    """Return what the segments say of themselves, by name, less the program's version and Arrow's own entry."""
    left_out = {"twogrpo.version", "ARROW:schema"}
    return {
        file.name: {key: value for key, value in pl.read_parquet_metadata(file).items() if key not in left_out}
        for file in store.segments()
    }


def test_today_s_code_reads_it(golden):
    assert rows_of(golden) == json.loads(TABLE.read_text(encoding="utf-8"))


def test_it_is_whole(golden):
    report = golden.check(deep=True)
    assert (report.problems, report.segments, report.rows) == ((), 2, 4)


def test_one_segment_fills_every_column_and_one_has_nulls(golden):
    full, bare = golden.scan().collect().partition_by("step", maintain_order=True)
    assert full.null_count().sum_horizontal().item() == 0
    assert bare["reward"].null_count() == bare["response"].null_count() == 1
    assert bare["reward_format"].null_count() == 2


def test_today_s_writer_writes_the_same_values(golden, fresh):
    assert rows_of(fresh) == rows_of(golden)


def test_today_s_writer_writes_the_same_footers(golden, fresh):
    """The content hash among them: an append that an earlier version has stored is still recognised."""
    assert footers(fresh) == footers(golden)
    assert set(footers(fresh)["step-00000000.w0.parquet"]) >= {"twogrpo.content_xxh3_128", "twogrpo.tokenizer_hash"}


def test_today_s_writer_writes_the_same_types(golden, fresh):
    types = [pl.read_parquet_schema(file) for file in (*golden.segments(), *fresh.segments())]
    assert types[:2] == types[2:]


def test_its_run_goes_on(golden):
    from tests.store_format.rollouts import bare_rows

    with tg.RolloutStore.open(golden.path, run_id="golden") as store:
        assert store.recovery == tg.store.Recovery(0, (), (), ())
        store.append(bare_rows(), 1)
    assert golden.check(deep=True).ok
