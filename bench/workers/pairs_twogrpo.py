"""Our side of `bench/pairs.py`: plans items, plans online steps, or builds pairs, and reports what it took.

python pairs_twogrpo.py plan ITEMS REPEATS STEP RANKS BUDGET
python pairs_twogrpo.py online LENGTHS REPEATS BUDGET
python pairs_twogrpo.py build FOLDER STRATEGY CROSS_STEP
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from twogrpo import BatchPlan, PairSpec, build_pairs, plan_batches

RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
LINEAR_TOKENS = 8192
CLEAR_REFS = Path("/proc/self/clear_refs")


def plan(file: str, repeats: str, step: str, ranks: str, budget: str) -> dict[str, Any]:
    """Plan a table of items several times; the first plan is the one whose memory is measured."""
    items = pl.read_parquet(file)
    options: dict[str, int] = {"token_budget": int(budget), "ranks": int(ranks)}
    if int(step):
        options["rollouts_per_step"] = int(step)
    plan_batches(items.head(1000), **options)
    _forget_peak()
    timings, before, extra_mb = [], _peak_mb(), 0.0
    for _ in range(int(repeats)):
        cpu, wall = time.process_time(), time.perf_counter()
        made = plan_batches(items, **options)
        timings.append([time.process_time() - cpu, time.perf_counter() - wall])
        extra_mb = extra_mb or _peak_mb() - before
    cpu_s, wall_s = np.median(timings, axis=0)
    return {"cpu_s": cpu_s, "wall_s": wall_s, "extra_mb": extra_mb, **_balance(made, items, int(budget))}


def _balance(made: BatchPlan, items: pl.DataFrame, budget: int) -> dict[str, float]:
    """Return how full the micro-batches are, and how much the most loaded rank has above the mean of its step."""
    length = pl.col("length").cast(pl.Float64)
    batches = (
        made.table.join(items.select("item_id", length), on="item_id")
        .group_by("optimizer_step", "rank", "micro_batch")
        .agg(tokens=pl.col("length").sum(), work=(pl.col("length") * (LINEAR_TOKENS + pl.col("length"))).sum())
    )
    overflows = batches.filter(pl.col("tokens") > budget).height
    over = {name: pl.col(name).max() / pl.col(name).mean() for name in ("tokens", "work")}
    # The last step may be a small one, which nothing balances.
    whole = made.denominators.filter(pl.col("rollouts") == pl.col("rollouts").max()).select("optimizer_step")
    batches = batches.join(whole, on="optimizer_step", how="semi")
    ranks = batches.group_by("optimizer_step", "rank").agg(pl.col("tokens", "work").sum())
    steps = ranks.group_by("optimizer_step").agg(**over)
    micro = batches.group_by("optimizer_step").agg(**over)
    return {
        "packing": float(batches["tokens"].mean() / budget),
        "overflows": overflows,
        "rank_work": steps["work"].mean(),
        "rank_work_worst": steps["work"].max(),
        "rank_tokens": steps["tokens"].mean(),
        "rank_tokens_worst": steps["tokens"].max(),
        "batch_work": micro["work"].mean(),
        "batch_tokens": micro["tokens"].mean(),
    }


def online(file: str, repeats: str, budget: str) -> dict[str, Any]:
    """Plan online steps, each from a table of its rollouts with their advantages to the ids of its micro-batches."""
    taken, ratios, overflows = [], [], 0
    for lengths in np.load(file):
        items = pl.DataFrame(
            {
                "item_id": range(len(lengths)),
                "length": lengths,
                "advantage": np.ones(len(lengths), np.float32),
                "pair_id": np.arange(len(lengths)) // 2,
            }
        )
        for _ in range(int(repeats)):
            cpu, wall = time.process_time(), time.perf_counter()
            made = plan_batches(items, token_budget=int(budget))
            made.micro_batches(0)
            taken.append([time.process_time() - cpu, time.perf_counter() - wall])
        batches = made.table.join(items, on="item_id").group_by("micro_batch").agg(pl.col("length").sum())["length"]
        ratios.append(batches.max() / batches.mean())
        overflows += (batches > int(budget)).sum()
    cpu_s, wall_s = np.median(taken, axis=0)
    ratio = float(np.mean(ratios))
    return {"cpu_s": cpu_s, "wall_s": wall_s, "batch_tokens": ratio, "overflows": float(overflows)}


def build(folder: str, strategy: str, cross_step: str) -> dict[str, Any]:
    """Build the pairs of a folder of rollouts once."""
    rollouts = pl.scan_parquet(f"{folder}/*.parquet")
    spec: Any = {"strategy": strategy, "cross_step": cross_step == "True"}
    cpu, wall = time.process_time(), time.perf_counter()
    pairs = build_pairs(rollouts, PairSpec(**spec)).height
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return {**spent, "peak_mb": _peak_mb(), "pairs": pairs}


def _forget_peak() -> None:
    """Let the peak begin anew at what is held now, where the system can do that."""
    if CLEAR_REFS.exists():
        CLEAR_REFS.write_text("5")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES / 1e6


if __name__ == "__main__":
    report = {"plan": plan, "online": online, "build": build}[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(report))
