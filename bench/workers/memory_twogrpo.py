"""Our side of `bench/memory.py`: the learner of the engine, one step over one pair."""

import sys

import torch
from transformers import PreTrainedModel

from half_billion import PROMPT_TOKENS, make_model, make_pair, report_step
from twogrpo import OnlineConfig
from twogrpo.models import recompute_activations
from twogrpo.objectives import policy_loss
from twogrpo.preflight.batches import online_batches
from twogrpo.preflight.memory import ModelShape, estimate_memory
from twogrpo.preflight.model import ModelFound
from twogrpo.preflight.online import Beside, online_workload
from twogrpo.preflight.opening import Opening
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

    report_step(step, model, estimated_mb=_estimated_bytes(model, tokens) / 1e6)


def _estimated_bytes(model: PreTrainedModel, tokens: int) -> int:
    """Return what `--dry-run` tells the user of a run over this pair, the sampler's copy of the weights left out."""
    run = ["model.path=bench", "data.path=bench", "model.gradient_checkpointing=true", "rollout.prompts_per_step=1"]
    config = OnlineConfig.load(None, [*run, f"rollout.max_new_tokens={tokens}"])
    opening = Opening(None, torch.device("cpu"), ModelFound(None, model), sampler=None, reward=None)
    found = online_batches(config, prompts=1, longest_prompt=PROMPT_TOKENS)
    work = online_workload(config, opening, found, PROMPT_TOKENS, Beside())
    return estimate_memory(ModelShape.of(model), work).peak


if __name__ == "__main__":
    main()
