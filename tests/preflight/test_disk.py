from dataclasses import replace
from pathlib import Path

import polars as pl

from twogrpo.preflight.disk import disk_section, estimate_disk
from twogrpo.store import RolloutStore

RUN = {
    "parameters": 1000,
    "rollouts": 100,
    "answers": 10,
    "prompt_tokens": 20.0,
    "response_tokens": 50,
    "answer_tokens": 30,
    "logprob_dtype": "float32",
    "keep_text": True,
    "checkpoints": 3,
}


def test_every_part_follows_its_own_numbers():
    whole = estimate_disk(**RUN)
    assert whole.checkpoints == 3 * 1000 * 12
    assert whole.total == whole.rollouts + whole.evaluations + whole.checkpoints
    assert estimate_disk(**{**RUN, "rollouts": 200}).rollouts == 2 * whole.rollouts
    assert estimate_disk(**{**RUN, "answers": 0}).evaluations == 0


def test_narrow_logprobs_and_no_text_take_less():
    whole = estimate_disk(**RUN).rollouts
    assert estimate_disk(**{**RUN, "logprob_dtype": "float16"}).rollouts < whole
    assert estimate_disk(**{**RUN, "keep_text": False}).rollouts < whole


def test_a_stored_batch_is_of_the_estimated_order(tmp_path):
    import random

    rng = random.Random(0)
    rows, tokens = 256, 200
    table = pl.DataFrame(
        {
            "group_id": [row // 2 for row in range(rows)],
            "rollout_idx": [row % 2 for row in range(rows)],
            "prompt": ["a problem of some words"] * rows,
            "reward": [float(row % 2) for row in range(rows)],
            "response_ids": [[int(rng.paretovariate(0.6)) % 150_000 for _ in range(tokens)] for _ in range(rows)],
            "logprobs": [[-rng.expovariate(1.5) for _ in range(tokens)] for _ in range(rows)],
        },
        schema_overrides={
            "response_ids": pl.List(pl.Int32),
            "logprobs": pl.List(pl.Float32),
            "reward": pl.Float32,
            "rollout_idx": pl.Int16,
        },
    )
    with RolloutStore.open(tmp_path, run_id="r", writer="w0") as store:
        store.append(table, step=0)
    stored = sum(file.stat().st_size for file in tmp_path.glob("run=*/*.parquet"))
    numbers = {"rollouts": rows, "prompt_tokens": 0.0, "response_tokens": tokens, "keep_text": False}
    assert 0.6 < estimate_disk(**{**RUN, **numbers}).rollouts / stored < 1.7


def test_too_little_space_is_a_warning():
    estimate = estimate_disk(**RUN)
    assert disk_section(estimate, checkpoints=3, run_dir=Path("r"), free=estimate.total).warnings == ()
    short = disk_section(replace(estimate, checkpoints=10**9), checkpoints=3, run_dir=Path("r"), free=estimate.total)
    assert "1 GB and" in short.warnings[0]
    assert "run_dir" in short.warnings[0]
