"""The command line of an online run in the real OpenRLHF, and what such a run has left."""

import json

import polars as pl

from twogrpo import RolloutStore

PROMPTS, NEW_TOKENS = 8, 8
# On the CPU: no kernels that are compiled, and gloo.
ON_CPU = ["openrlhf.attention=eager", "openrlhf.vllm_memory_share=0.1"]
EXTRA = ["--vllm.sync_backend", "gloo", "--vllm.enforce_eager"]


def words(run, model, problems, reward, *keys, extra=(), prompts=PROMPTS):
    """Return the command line of an online run."""
    data = [f"model.path={model}", f"data.path={problems}", "data.template=none", f"reward.function={reward}"]
    rollout = [f"rollout.prompts_per_step={prompts}", f"rollout.max_new_tokens={NEW_TOKENS}", "train.warmup_steps=0"]
    flags = f"openrlhf.extra=[{','.join([*EXTRA, *extra])}]"
    return [
        "online",
        "engine=openrlhf",
        f"run_dir={run}",
        *data,
        "model.dtype=bfloat16",
        *rollout,
        *ON_CPU,
        flags,
        *keys,
    ]


def metrics(run, kind="train"):
    """Return the lines of one kind that a run has written."""
    return [row for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if row["kind"] == kind]


def stored(run, phase="train"):
    """Return the stored rollouts of one phase, in order."""
    return (
        RolloutStore.open(run).scan().filter(pl.col("phase") == phase).collect().sort("step", "group_id", "rollout_idx")
    )
