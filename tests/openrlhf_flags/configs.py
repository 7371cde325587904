"""Configurations that OpenRLHF can carry, and the flags that become of them."""

from pathlib import Path

from twogrpo.config import DpoConfig, OnlineConfig
from twogrpo.openrlhf.dpo_flags import dpo_flags
from twogrpo.openrlhf.flags import online_flags

RUN = Path("/runs/r")


def online(*overrides):
    return OnlineConfig.load(None, ["model.path=m", "model.dtype=bfloat16", "data.path=d.jsonl", *overrides])


def dpo(*overrides):
    return DpoConfig.load(None, ["model.path=m", "model.dtype=bfloat16", *overrides])


def online_words(*overrides, steps=100, is_resumed=False):
    return online_flags(
        online(*overrides),
        model="/models/m",
        run=RUN,
        total_steps=steps,
        max_len=1500,
        agent=Path("/agents/agent.py"),
        is_resumed=is_resumed,
    )


def dpo_words(*overrides, steps=100, is_resumed=False, **also):
    return dpo_flags(
        dpo(*overrides),
        model="/models/m",
        reference="/models/r",
        data=Path("/runs/r/pairs.parquet"),
        run=RUN,
        steps=steps,
        max_len=1500,
        is_resumed=is_resumed,
        **also,
    )


def by_flag(words):
    """Return the values behind each flag."""
    found = {}
    for word in words:
        if word.startswith("--"):
            values = found[word] = []
        else:
            values.append(word)
    return found
