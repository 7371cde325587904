"""The trainer's side of `bench/pairs.py`: from a batch of rollouts to the micro-batches of its optimizer step.

python pairs_trainer.py LENGTHS REPEATS BUDGET

A batch is 256 prompts with two rollouts each, all of which contribute: with ties there is less to plan. Timed is all
that a training step does before its first forward pass: lengths and advantages from the batch, the table of items, the
plan, and the rows of each micro-batch with their denominators.
"""

import json
import sys
import time
from typing import Any

import numpy as np
import torch

from twogrpo import OnlineConfig
from twogrpo.generate import Generation
from twogrpo.prompts import Draw, Prompt
from twogrpo.train.collect import RolloutBatch
from twogrpo.train.update_plan import UpdatePlan

PROMPT_TOKENS = 20


def main(file: str, repeats: str, budget: str) -> dict[str, float]:
    """Plan each online step several times."""
    torch.set_num_threads(1)
    taken, overflows = [], 0
    for lengths in np.load(file):
        batch, config = _batch(lengths.tolist()), _config(len(lengths), budget)
        for _ in range(int(repeats)):
            cpu, wall = time.process_time(), time.perf_counter()
            plan = UpdatePlan.of(batch, config, 0)
            passes = [rows for step in range(plan.steps) for rows in plan.micro_batches(step)]
            _ = [plan.denominators(step) for step in range(plan.steps)]
            taken.append([time.process_time() - cpu, time.perf_counter() - wall])
        overflows += sum(int(lengths[rows].sum()) > int(budget) for rows in passes)
    cpu_s, wall_s = np.median(taken, axis=0)
    return {"cpu_s": cpu_s, "wall_s": wall_s, "overflows": float(overflows)}


def _config(rollouts: int, budget: str) -> OnlineConfig:
    size = [f"rollout.prompts_per_step={rollouts // 2}", "rollout.group_size=2"]
    return OnlineConfig.load(None, ["model.path=m", "data.path=d", *size, f"train.token_budget={budget}"])


def _batch(lengths: list[int]) -> RolloutBatch:
    """Return rollouts of these many tokens, prompt included; one of each group is right."""
    prompt = Prompt("problem", ("1",), "bench", "0", tuple(range(PROMPT_TOKENS)))
    responses = [[7] * (length - PROMPT_TOKENS) for length in lengths]
    rewards_PG = torch.tensor([[1.0, 0.0]] * (len(lengths) // 2))
    no_P = torch.zeros(len(rewards_PG), dtype=torch.bool)
    scores: Any = None
    return RolloutBatch(
        draws=[Draw(group, prompt) for group in range(len(rewards_PG))],
        generation=Generation(responses, [], ["stop"] * len(lengths)),
        responses=[],
        scores=scores,
        rewards_PG=rewards_PG,
        advantages_B=(2 * rewards_PG - 1).flatten(),
        is_tied_P=no_P,
        is_inert_P=no_P,
        generate_s=0.0,
        verify_s=0.0,
    )


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
