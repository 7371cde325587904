"""Whether the longest prompt and a whole response fit, said before a run makes anything."""

from collections.abc import Sequence

from twogrpo.config import OnlineConfig, RunConfig
from twogrpo.errors import ConfigError, DataError
from twogrpo.prompts import Prompt

__all__ = ["answers_key", "check_budget", "check_positions", "longest_prompt"]


def longest_prompt(prompts: Sequence[Prompt]) -> int:
    """Return the tokens of the longest prompt."""
    return max(len(prompt.token_ids) for prompt in prompts)


def check_budget(prompts: Sequence[Prompt], *, max_new_tokens: int, token_budget: int) -> None:
    """Refuse a token budget that cannot hold the longest sequence.

    Raises:
        ConfigError: The longest prompt and a whole response have more tokens than `train.token_budget`.
    """
    longest = longest_prompt(prompts) + max_new_tokens
    if longest > token_budget:
        msg = (
            f"train.token_budget={token_budget} cannot hold the longest prompt and a response of "
            f"rollout.max_new_tokens={max_new_tokens}, together {longest}; raise it to that"
        )
        raise ConfigError(msg)


def check_positions(
    prompts: Sequence[Prompt], *, path: str, key: str, max_new_tokens: int, positions: int | None
) -> None:
    """Refuse a prompt that leaves too little of the model's context for a whole response.

    The sampler would refuse it as well, but only in the step that draws it.

    Args:
        prompts: The problems.
        path: Where they come from.
        key: The key that sets the length of a response.
        max_new_tokens: Longest response.
        positions: Longest sequence of the model; None if it sets no limit.

    Raises:
        DataError: A prompt and a whole response have more tokens than the model has positions.
    """
    if positions is None:
        return
    too_long = [prompt for prompt in prompts if len(prompt.token_ids) + max_new_tokens > positions]
    if too_long:
        worst = max(too_long, key=lambda prompt: len(prompt.token_ids))
        msg = (
            f"{path}: {len(too_long)} of {len(prompts)} prompts do not fit beside {key}={max_new_tokens} into the "
            f"model's {positions} positions (max_position_embeddings); the longest has {len(worst.token_ids)} tokens: "
            f"{worst.text[:40]!r}; lower {key} to {max(0, positions - len(worst.token_ids))}, or take the rows out"
        )
        raise DataError(msg)


def answers_key(config: RunConfig) -> str:
    """Return the key that sets the length of an evaluation's answers."""
    is_taken_over = config.eval.max_new_tokens is None and isinstance(config, OnlineConfig)
    return "rollout.max_new_tokens" if is_taken_over else "eval.max_new_tokens"
