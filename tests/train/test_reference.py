"""The cache of the reference's logprobs: read where it is whole, else computed again."""

import numpy as np
import polars as pl
import pytest

from twogrpo.train.pair_data import PairData
from twogrpo.train.reference import _passes, _read, _write

LOGPS = {7: -1.5, 3: -0.25}


def test_what_was_written_comes_back(tmp_path):
    cache = tmp_path / "reference" / "logprobs.parquet"
    _write(cache, LOGPS)
    assert _read(cache) == LOGPS


def test_a_folder_with_brackets_is_no_pattern(tmp_path):
    cache = tmp_path / "run[1]" / "logprobs.parquet"
    _write(cache, LOGPS)
    assert _read(cache) == LOGPS


def test_without_a_cache_nothing_is_known(tmp_path):
    assert _read(tmp_path / "logprobs.parquet") == {}


@pytest.mark.parametrize("content", [b"", b"no parquet at all"])
def test_a_damaged_cache_is_as_none(tmp_path, content):
    cache = tmp_path / "logprobs.parquet"
    cache.write_bytes(content)
    assert _read(cache) == {}


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"id": [7], "logprob_sum": [-1.5]}),
        pl.DataFrame({"rollout_id": [7], "logprob_sum": ["-1.5"]}),
        pl.DataFrame({"rollout_id": [7], "logprob_sum": [float("nan")]}),
        pl.DataFrame(
            {"rollout_id": [7], "logprob_sum": [None]}, schema={"rollout_id": pl.Int64, "logprob_sum": pl.Float64}
        ),
    ],
    ids=["columns", "text", "nan", "null"],
)
def test_a_cache_of_anything_else_is_as_none(tmp_path, table):
    cache = tmp_path / "logprobs.parquet"
    table.write_parquet(cache)
    assert _read(cache) == {}


def pair_data(prompts, lengths):
    """Return pairs of neighbours, rollout ids counted from 100."""
    rollout_ids = range(100, 100 + len(lengths))
    rollouts = {"rollout_id": rollout_ids, "prompt_ids": map(list, prompts), "response_ids": [[9] * n for n in lengths]}
    return PairData.of(np.array(rollout_ids).reshape(-1, 2), pl.DataFrame(rollouts))


def test_passes_hold_every_rollout_once_with_those_of_a_prompt_side_by_side():
    data = pair_data([(2, 1), (1, 1), (2, 1), (1, 1)], [1, 1, 1, 1])
    assert list(_passes(data, token_budget=100)) == [[1, 3, 0, 2]]


def test_no_pass_has_more_tokens_than_asked_for():
    data = pair_data([(1, 1)] * 4, [3, 3, 3, 3])
    assert list(_passes(data, token_budget=14)) == [[0, 1], [2, 3]]


def test_a_rollout_longer_than_a_pass_has_one_of_its_own():
    data = pair_data([(1, 1)] * 4, [3, 50, 3, 3])
    assert list(_passes(data, token_budget=14)) == [[0], [1], [2, 3]]
