"""Responses and their scores: what can be scored while other rows are still sampled is.

The verifier judges each row alone and without the interpreter's lock, so that it works in a thread on rows that have
finished. A function of the user's sees the whole batch at once, in the main thread, after the last token.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from twogrpo.rewards import Scores

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from twogrpo.generate import Generation, Generator, SamplingParams
    from twogrpo.prompts import Prompt
    from twogrpo.rewards import Reward

__all__ = ["ScoredSample", "sample_scored"]

_ROW_FIELDS = [field.name for field in fields(Scores) if field.name not in ("verifier", "error")]


@dataclass(frozen=True)
class ScoredSample:
    """Responses to prompts, prompt-major, with their scores.

    Attributes:
        generation: Token ids, logprobs and finish reasons, one entry a row.
        responses: Decoded text, without special tokens.
        scores: Their scores.
        generate_s: Wall seconds until the last token.
        verify_s: Wall seconds from there to the last score.
    """

    generation: "Generation"
    responses: list[str]
    scores: Scores
    generate_s: float
    verify_s: float


def sample_scored(
    prompts: Sequence["Prompt"],
    *,
    generator: "Generator",
    tokenizer: "PreTrainedTokenizerBase",
    reward: "Reward",
    group_size: int,
    params: "SamplingParams",
    seed: int,
) -> ScoredSample:
    """Return `group_size` scored responses to each prompt.

    Raises:
        ConfigError, DataError: As the generator says.
    """
    prompt_of_row = [prompt for prompt in prompts for _ in range(group_size)]

    def scored(rows: Sequence[int], ids: list[list[int]]) -> tuple[list[str], Scores]:
        responses: list[str] = tokenizer.batch_decode(ids, skip_special_tokens=True)
        return responses, reward([prompt_of_row[row] for row in rows], responses)

    parts: list[tuple[Sequence[int], Future[tuple[list[str], Scores]]]] = []
    begun = time.perf_counter()
    with ThreadPoolExecutor(1, thread_name_prefix="scoring") as thread:

        def submit(rows: list[int], ids: list[list[int]]) -> None:
            parts.append((rows, thread.submit(scored, rows, ids)))

        try:
            generation = generator.generate(
                [prompt.token_ids for prompt in prompts],
                group_size=group_size,
                params=params,
                seed=seed,
                on_finished=submit if reward.is_row_wise else None,
            )
            generated = time.perf_counter()
            done = [(rows, future.result()) for rows, future in parts]
        except BaseException:
            # What waits to be scored would be waited for.
            thread.shutdown(wait=False, cancel_futures=True)
            raise
    everything = range(len(prompt_of_row))
    if not reward.is_row_wise:
        done = [(everything, scored(everything, generation.response_ids))]
    elif sorted(row for rows, _ in parts for row in rows) != list(everything):
        raise RuntimeError(f"generator {generator.name} has not reported each of its {len(everything)} rows once")
    responses, scores = _joined(done, len(prompt_of_row), reward.name)
    return ScoredSample(generation, responses, scores, generated - begun, time.perf_counter() - generated)


def _joined(
    parts: Sequence[tuple[Sequence[int], tuple[list[str], Scores]]], count: int, verifier: str
) -> tuple[list[str], Scores]:
    """Return the parts' texts and scores in the order of the rows, however the rows were divided."""
    if len(parts) == 1 and list(parts[0][0]) == list(range(count)):
        return parts[0][1]
    order = [-1] * count
    place = 0
    for rows, _ in parts:
        for row in rows:
            order[row] = place
            place += 1
    texts = [text for _, (responses, _) in parts for text in responses]
    columns = {}
    for name in _ROW_FIELDS:
        values = [value for _, (_, scores) in parts for value in getattr(scores, name)]
        columns[name] = [values[place] for place in order]
    # The error of the first row that failed; parts hold their rows in rising order, and say the error of their first.
    failed = [
        (next(row for row, value in zip(rows, scores.rewards, strict=True) if value is None), scores.error)
        for rows, (_, scores) in parts
        if scores.error is not None
    ]
    error = min(failed)[1] if failed else None
    return [texts[place] for place in order], Scores(**columns, verifier=verifier, error=error)
