"""The recipes of the two supervised arms, and the warm start made by one of them."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase, Qwen2ForCausalLM

from twogrpo.tiny.model import build_model
from twogrpo.tiny.supervised import Example, OnStep, Steps, SupervisedResult, SupervisedSettings, supervise

__all__ = ["CONTROL", "WARM_START", "WARM_START_STEPS", "warm_start"]

WARM_START = SupervisedSettings(learning_rate=3e-3)
# Shorter, the method is not learned and a control that goes on learning it has the better greedy answers.
WARM_START_STEPS = 550
CONTROL = SupervisedSettings(learning_rate=2e-3)


def warm_start(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    *,
    seed: int,
    steps: int = WARM_START_STEPS,
    on_step: OnStep | None = None,
) -> tuple[Qwen2ForCausalLM, SupervisedResult]:
    """Return a new tiny model trained on the examples; equal seeds give equal weights, bit for bit."""
    model = build_model(tokenizer, seed)
    result = supervise(
        model,
        examples,
        WARM_START,
        budget=Steps(steps),
        pad_id=tokenizer.pad_token_id,
        seed=seed,
        on_step=on_step,
    )
    return model, result
