"""Rollouts that show what a segment can hold: every column filled, and none but the required ones."""

from datetime import UTC, datetime

import polars as pl

from twogrpo import _core

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
PLACE = ("run_id", "writer", "phase", "attempt", "step", "rollout_id", "prompt_len", "response_len")


def full_rows():
    """Return a decided group with a value in every column of schema v1, beside two scores."""
    shared = {
        "group_id": 2**40,
        "model_id": "models/start",
        "policy_version": 3,
        "policy_version_max": 4,
        "dataset": "gsm8k",
        "prompt_id": "6f6e6c696e65",
        "prompt": "Which ½ of 7 ≤ x?\n",
        "gold": "3.5",
        "gold_alternatives": ["7/2", ""],
        "prompt_ids": [1, 151_935, 3],
        "logprob_kind": "processed",
        "generator": "builtin",
        "dtype": "bfloat16",
        "is_inert": False,
        "verifier": "twogrpo@0.1.0:rl",
        "finish_reason": "stop",
        "temperature": 1.0,
        "top_p": 0.9,
        "min_p": 0.05,
        "top_k": 20,
        "max_new_tokens": 64,
        "seed": 2**62,
        "created_at": MOMENT,
        "generate_ms": 12.5,
        "extra": '{"turns": 1}',
        "loss_mask": [True, False],
    }
    right = {
        "rollout_idx": 0,
        "response": "it is \\boxed{7/2}",
        "response_ids": [4, 2],
        "logprobs": [-0.5, -0.0625],
        "ref_logprob_sum": -0.75,
        "reward": 1.0,
        "reward_format": 0.5,
        "reward_answer": 0.5,
        "advantage": 1.0,
        "correct": True,
        "status": "match",
        "rule": "number",
        "extracted": "7/2",
    }
    wrong = right | {
        "rollout_idx": 1,
        "response": "",
        "response_ids": [5, 2],
        "reward": 0.0,
        "reward_format": 0.0,
        "reward_answer": 0.0,
        "advantage": -1.0,
        "correct": False,
        "status": "mismatch",
    }
    return table([shared | right, shared | wrong])


def bare_rows():
    """Return a group of the least that a row may say: one whose reward failed, one without text."""
    both = {"group_id": 0, "prompt": "1+1", "created_at": MOMENT}
    return table(
        [
            both | {"rollout_idx": 0, "response": "2", "reward": None},
            both | {"rollout_idx": 1, "response_ids": [], "reward": 0.0},
        ]
    )


def table(rows):
    known = pl.DataFrame(_core.store_schema([])).schema
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(rows, schema={name: known.get(name, pl.Float32()) for name in names})
