"""Our side of `bench/memory.py`: the learner of the engine, one step over one pair."""

import sys

import torch

from half_billion import PROMPT_TOKENS, make_model, make_pair, report_step
from twogrpo.models import recompute_activations
from twogrpo.objectives import policy_loss
from twogrpo.preflight.memory import ModelShape, Workload, estimate_memory
from twogrpo.train.learner import Learner


def main() -> None:
    """Make the step and report it."""
    tokens, layers = int(sys.argv[1]), int(sys.argv[2])
    model = make_model(layers)
    recompute_activations(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)
    learner = Learner(model, optimizer, torch.device("cpu"), torch.float32, pad_id=0)
    prompt, responses = make_pair(tokens)

    def step() -> None:
        learner.zero_gradients()
        logps_BR, mask_BR = learner.logps([prompt, prompt], responses)
        loss, _ = policy_loss(
            logps_BR, logps_BR.detach(), torch.tensor([1.0, -1.0]), mask_BR, rollouts=2, tokens=2 * tokens
        )
        loss.backward()
        learner.apply(1e-6, 1.0, 0)

    work = Workload(
        width=4,
        has_sampler_copy=False,
        gradient_checkpointing=True,
        # Planned as if every sequence had its own prompt.
        micro_batch_tokens=2 * (PROMPT_TOKENS + tokens),
        micro_batch_responses=2 * tokens,
        rows=0,
        row_tokens=PROMPT_TOKENS + tokens,
        prompt_tokens=PROMPT_TOKENS,
        is_on_cpu=True,
    )
    report_step(step, model, estimated_mb=estimate_memory(ModelShape.of(model), work).peak / 1e6)


if __name__ == "__main__":
    main()
