"""Lengths of pairs, and rollouts that pairs are built from, made without a model; the same on every machine.

Lengths are those of mathematics with a model of 1.5 billion parameters: responses lognormal around 600 tokens and up to
4,096, prompts around 100. Rollouts have the columns that pairs are built from, two a group, every prompt drawn four
times, with ids as the store makes them.
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["lengths", "write_items", "write_rollouts"]

MAX_NEW_TOKENS = 4096
DRAWS = 4
ROWS_A_FILE = 1 << 16


def lengths(pairs: int, seed: int = 0) -> NDArray[np.int32]:
    """Return the tokens of both sequences of each pair, prompt included, one pair after another."""
    rng = np.random.default_rng(seed)
    # The mean of a lognormal is exp(mu + sigma^2 / 2).
    responses = np.clip(rng.lognormal(np.log(600) - 0.245, 0.7, 2 * pairs), 8, MAX_NEW_TOKENS)
    prompts = np.clip(rng.lognormal(np.log(90), 0.5, pairs), 20, 512)
    return (responses.astype(np.int32) + np.repeat(prompts.astype(np.int32), 2)).astype(np.int32)


def write_items(path: Path, pairs: int) -> None:
    """Write two items a pair, in the order of a hash, as a table of pairs has them."""
    rng = np.random.default_rng(1)
    items = {
        "item_id": rng.permutation(2 * pairs).astype(np.int64) * 4_398_042_316_799,
        "length": lengths(pairs),
        "pair_id": np.repeat(rng.integers(0, 2**62, pairs), 2),
    }
    pl.DataFrame(items).write_parquet(path)


def write_rollouts(folder: Path, rollouts: int) -> None:
    """Write so many rollouts in files of 65,536 rows."""
    rng = np.random.default_rng(2)
    folder.mkdir()
    prompts = max(1, rollouts // (2 * DRAWS))
    names = pl.Series(range(prompts), dtype=pl.UInt64).hash(1).cast(pl.String).str.zfill(32)
    for number, start in enumerate(range(0, rollouts, ROWS_A_FILE)):
        count = min(ROWS_A_FILE, rollouts - start)
        groups = np.arange(start, start + count) // 2
        is_cut = rng.random(count) < 0.1
        columns = {
            "run_id": pl.repeat("run", count, eager=True),
            "phase": pl.repeat("train", count, eager=True),
            "attempt": pl.repeat(1, count, dtype=pl.Int16, eager=True),
            "group_id": groups,
            "rollout_id": rng.integers(0, 2**63 - 1, count),
            "model_id": pl.repeat("Qwen2.5-Math-1.5B", count, eager=True),
            "policy_version": (groups // 256).astype(np.int32),
            "prompt_id": names.gather(groups % prompts),
            "reward": (rng.random(count) < 0.5).astype(np.float32),
            "is_inert": pl.repeat(value=False, n=count, eager=True),
            "finish_reason": pl.Series(is_cut).replace_strict({True: "length", False: "stop"}),
            "response_len": rng.integers(8, MAX_NEW_TOKENS, count).astype(np.int32),
        }
        pl.DataFrame(columns).write_parquet(folder / f"{number:06d}.parquet")
