import json

import polars as pl
import pytest

from twogrpo import ConfigError, RolloutStore
from twogrpo.rollouts.export import export_rollouts
from twogrpo.table_files import write_table


def rows(count, **more):
    table = {"group_id": [row // 2 for row in range(count)], "rollout_idx": [row % 2 for row in range(count)]}
    table |= {"prompt": ["p\n"] * count, "response": ["é, \x1b[31m"] * count, "response_ids": [[1, 2]] * count}
    return pl.DataFrame({**table, "reward": [None, *[1.0] * (count - 1)], **more})


@pytest.fixture
def store(tmp_path):
    with RolloutStore.open(tmp_path / "s", run_id="r") as first:
        first.append(rows(4), 0)
        first.append(rows(2, reward_format=[0.5, None]), 1)
        first.append(rows(2), 0, phase="eval")
    with RolloutStore.open(tmp_path / "s", run_id="r", resume_step=0):
        pass
    with RolloutStore.open(tmp_path / "s", run_id="r") as again:
        again.append(rows(2, reward_format=[0.5, None]), 1)
    return RolloutStore.open(tmp_path / "s")


def test_every_rollout_with_every_column(store):
    table = export_rollouts(store).collect()
    assert table.equals(store.scan().drop("run").collect(), null_equal=True)
    assert "reward_format" in table.columns


def test_a_phase_an_expression_and_columns(store):
    found = export_rollouts(store, phase="train", where="reward is null or step = 1", columns=["step", "reward"])
    assert found.collect().rows() == [(0, None), (1, None), (1, 1.0)]
    assert export_rollouts(store, phase="eval").collect()["writer"].unique().to_list() == ["eval"]


def test_what_was_moved_aside_is_marked(store):
    found = export_rollouts(store, include_superseded=True, columns=["step", "is_superseded"]).collect()
    assert found.filter("is_superseded")["step"].to_list() == [1] * 2


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_files_hold_the_same_values(store, tmp_path, suffix):
    file = tmp_path / f"rows{suffix}"
    write_table(export_rollouts(store, columns=["group_id", "response", "reward", "response_ids"]), str(file), "FILE")
    readers = {".jsonl": pl.read_ndjson, ".parquet": pl.read_parquet, ".csv": pl.read_csv}
    found = readers[suffix](file).to_dict(as_series=False)
    if suffix == ".csv":
        found["response_ids"] = [json.loads(text) for text in found["response_ids"]]
    assert found == store.scan().select("group_id", "response", "reward", "response_ids").collect().to_dict(
        as_series=False
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"where": "rewrd = 0"}, "there is no column rewrd; did you mean reward?"),
        ({"where": "reward = "}, "--where reward = : "),
        ({"columns": ["step", "rewad"]}, "there is no column rewad"),
        ({"columns": ["step", "step"]}, "names step twice"),
    ],
)
def test_what_cannot_be_understood_is_said(store, arguments, message):
    with pytest.raises(ConfigError, match=message):
        export_rollouts(store, **arguments)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "suffix"), [("json", ".jsonl"), ("parquet", ".parquet")])
def test_datasets_loads_the_files(store, tmp_path, monkeypatch, kind, suffix):
    datasets = pytest.importorskip("datasets", reason="needs `pip install '.[bench]'`")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    file = tmp_path / f"rows{suffix}"
    write_table(export_rollouts(store), str(file), "FILE")
    loaded = datasets.load_dataset(kind, data_files=str(file), split="train")
    expected = store.scan().select("rollout_id", "response", "reward", "response_ids").collect().to_dicts()
    assert loaded.select_columns(["rollout_id", "response", "reward", "response_ids"]).to_list() == expected
