import re

import polars as pl
import pytest

from twogrpo import ConfigError, RolloutStore, StoreError
from twogrpo.rollouts.query import query_store, sql_errors


@pytest.fixture
def store(tmp_path):
    """Three steps of two groups each; step 2 stored anew after a resume, with a failed reward."""
    with RolloutStore.open(tmp_path / "rollouts", run_id="r") as first:
        for step in range(3):
            first.append(rows(step, [[1, 0], [1, 1]]), step)
    with RolloutStore.open(tmp_path / "rollouts", run_id="r", resume_step=1) as second:
        second.append(rows(2, [[0, 0], [1, None]]), 2)
    return RolloutStore.open(tmp_path / "rollouts")


def rows(step, rewards):
    return pl.DataFrame(
        [
            {"group_id": 2 * step + group, "rollout_idx": index, "prompt": f"p{group}", "reward": reward}
            for group, members in enumerate(rewards)
            for index, reward in enumerate(members)
        ],
        schema_overrides={"reward": pl.Float32},
    ).with_columns(response=pl.lit("answer"), response_ids=[1, 2, 3])


def ask(store, sql):
    with sql_errors(store):
        return query_store(store, sql).collect().rows()


def test_rollouts_are_aggregated(store):
    sql = "select step, avg(reward) as reward, count(*) as n from rollouts group by step order by step"
    assert ask(store, sql) == [(0, 0.75, 4), (1, 0.75, 4), (2, pytest.approx(1 / 3), 4)]


def test_superseded_rollouts_are_a_table_of_their_own(store):
    assert ask(store, "select step, attempt, sum(reward) from superseded group by step, attempt") == [(2, 1, 3.0)]


def test_groups_tell_ties_and_failures(store):
    sql = "select group_id, rollouts, reward_mean, failed, is_tied from groups where step > 0"
    assert ask(store, sql) == [(2, 2, 0.5, 0, False), (3, 2, 1.0, 0, True), (4, 2, 0.0, 0, True), (5, 2, 1.0, 1, None)]


def test_ties_by_step(store):
    sql = "select step, avg(is_tied) as ties from groups group by step order by step"
    assert ask(store, sql) == [(0, 0.5), (1, 0.5), (2, 1.0)]


def test_lists_and_ctes_are_understood(store):
    sql = "with late as (select * from rollouts where step = 2) select array_length(response_ids) from late limit 1"
    assert ask(store, sql) == [(3,)]


def test_a_score_is_a_column(tmp_path):
    with RolloutStore.open(tmp_path, run_id="r") as store:
        store.append(rows(0, [[1, 0]]).with_columns(reward_format=0.5), 0)
        store.flush()
        assert ask(store, "select sum(reward_format) from rollouts") == [(1.0,)]


def test_an_empty_store_has_its_tables(tmp_path):
    with RolloutStore.open(tmp_path, run_id="r") as store:
        assert ask(store, "select count(*) from rollouts") == [(0,)]
        assert ask(store, "select * from groups") == []
        assert ask(store, "select * from superseded") == []


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "the query is empty"),
        ("selec step from rollouts", "query: Expected: an SQL statement, found: selec at Line: 1, Column: 1"),
        ("select 'a from rollouts", "query: Unterminated string literal"),
        ("select rewrd from rollouts", "there is no column rewrd; did you mean reward?"),
        ("select zzz from rollouts", "there is no column zzz; `twogrpo store query RUN 'select \\* from rollouts'`"),
        ("select step from rolouts", "there is no table rolouts; did you mean rollouts"),
        ("select step from nope", "there is no table nope; the tables are rollouts, groups, superseded"),
        ("select 1; select 2", "expected one statement"),
        ("select soundex(prompt) from rollouts", "unsupported function 'soundex'"),
        ("select * from rollouts where reward = 'x'", "cannot compare string with numeric type"),
        ("select cast(prompt as int) from rollouts", "conversion from `str` to `i32` failed"),
        ("select * from read_parquet('/no/such.parquet')", "No such file"),
    ],
)
def test_a_wrong_query_is_one_line(store, sql, message):
    with pytest.raises(ConfigError, match=message) as caught:
        ask(store, sql)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "delete from rollouts",
        "DROP table rollouts",
        "truncate rollouts",
        "create table t as select * from rollouts",
        "insert into rollouts select * from rollouts",
        "update rollouts set reward = 1",
        "copy rollouts to 'copy.csv'",
    ],
)
def test_a_query_that_would_change_something_is_refused(store, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match=r"only reads|only SELECT"):
        ask(store, sql)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_truncated_segment_is_named(store):
    segment = store.segments()[1]
    segment.write_bytes(segment.read_bytes()[:-20])
    with pytest.raises(StoreError, match=re.escape(str(segment))):
        ask(store, "select sum(reward) from rollouts")


def test_damage_is_told_from_a_wrong_query(store):
    segment = store.segments()[1]
    content = bytearray(segment.read_bytes())
    content[4:400] = bytes(396)
    segment.write_bytes(content)
    with pytest.raises(StoreError, match=r"a segment cannot be read .*store check --deep"):
        ask(store, "select * from rollouts")


def test_any_number_of_rows_is_read_in_batches(store):
    sql = "select a.step from rollouts a cross join rollouts b cross join rollouts c cross join rollouts d"
    assert sum(batch.height for batch in query_store(store, sql).collect_batches()) == 12**4
