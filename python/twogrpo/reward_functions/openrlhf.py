"""A reward file for OpenRLHF, which loads it by its path and calls `reward_func` in a thread of its rollout workers.

    --reward.remote_url "$(python -c 'import twogrpo.reward_functions.openrlhf as file; print(file.__file__)')"

For another profile, write a file of three lines:

    from functools import partial
    from twogrpo.reward_functions import openrlhf
    reward_func = partial(openrlhf.reward_func, profile="eval")
"""

import re
from collections.abc import Sequence
from typing import Any

from twogrpo.errors import DataError
from twogrpo.reward_functions.gold import gold_texts, warn_of_gold
from twogrpo.verifier import verify_batch

__all__ = ["response_of", "reward_func"]

# A special token that ends a response is decoded with it: `</s>`, `<|im_end|>`.
_SPECIAL_TOKEN = re.compile(r"<[/|]?\w{1,40}\|?>")
_LONGEST_SPECIAL_TOKEN = 44
# Of a prompt that was cut at its start, at least so many characters have to be left to find it again.
_LEAST_PROMPT = 32


def reward_func(
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[object],
    *,
    profile: str = "rl",
    mode: str = "response",
    unscored: float = 0.0,
    **_: object,
) -> dict[str, Any]:
    """Return the rewards of responses: 1 if the answer is right, else 0.

    Args:
        queries: Prompts with their responses, as OpenRLHF decodes them; the response alone is judged.
        prompts: The prompts.
        labels: The gold answers: text, a number, or a list of acceptable ones.
        profile: As in `twogrpo.verify`.
        mode: As in `twogrpo.verify`.
        unscored: The reward where the gold answer cannot be read; OpenRLHF cannot leave a response out. Each such gold
            is logged once, and `failed` counts them.

    Returns:
        `rewards` and `scores`, float32 of shape (responses,), and `extra_logs` with the means that OpenRLHF logs:
        `failed`, 1 where the gold answer cannot be read, and `no_answer`, 1 where no answer was found.

    Raises:
        DataError: If a prompt is not in its query, or a label is neither text nor a number nor a list of these.
        VerifyError: If profile or mode is unknown, or the lengths differ.
    """
    import torch

    responses = [response_of(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
    golds = [gold_texts(label, f"label {row}") for row, label in enumerate(labels)]
    verdicts = verify_batch(responses, golds, profile=profile, mode=mode)
    rewards = verdicts["reward"].to_list()
    for status, reward, gold in zip(verdicts["status"], rewards, golds, strict=True):
        if reward is None:
            warn_of_gold(status, tuple(gold), unscored)
    scores = torch.tensor([unscored if reward is None else reward for reward in rewards])
    is_missing = verdicts["status"].is_in(["no_answer", "empty", "unclosed"])
    return {
        "rewards": scores,
        "scores": scores,
        "extra_logs": {
            "failed": torch.tensor([float(reward is None) for reward in rewards]),
            "no_answer": torch.tensor([float(missing) for missing in is_missing]),
        },
    }


def response_of(query: str, prompt: str) -> str:
    """Return what follows the prompt in a query, without the special tokens at its end.

    Raises:
        DataError: If neither the prompt nor an end of it that begins the query can be found.
    """
    start = query.find(prompt)
    begin = start + len(prompt) if start >= 0 else _end_of_cut_prompt(query, prompt)
    return query[begin : _end_of_words(query, begin)]


def _end_of_words(query: str, begin: int) -> int:
    """Return where the special tokens at the end begin."""
    end = len(query)
    while end > begin:
        start = query.rfind("<", max(begin, end - _LONGEST_SPECIAL_TOKEN), end)
        if start < 0 or not _SPECIAL_TOKEN.fullmatch(query, start, end):
            break
        end = start
    return end


def _end_of_cut_prompt(query: str, prompt: str) -> int:
    """Return where the response begins after a prompt of which OpenRLHF has kept the last tokens only."""
    head = query[:_LEAST_PROMPT]
    place = prompt.find(head)
    while place >= 0:
        if query.startswith(prompt[place:]):
            return len(prompt) - place
        place = prompt.find(head, place + 1)
    raise DataError(
        f"the prompt {prompt[:80]!r} is not in its query {query[:80]!r}; expected the prompt, or its end where it was "
        "cut, and then the response; check that the tokenizer decodes what it encodes"
    )
