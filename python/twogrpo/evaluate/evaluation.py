"""Sample k answers and a greedy one to every problem, score them, and keep every answer as a row for the store.

The sampling seed depends on the call's seed and on the place of a problem alone, so that two models asked with the
same seed draw from the same random numbers and their difference is not made of luck in sampling.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from math import nan
from statistics import fmean
from typing import TYPE_CHECKING, Any

from twogrpo.errors import DataError
from twogrpo.evaluate.scores import DatasetScores, ProblemScores, scores_by_dataset

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from twogrpo.generate import Generator, SamplingParams
    from twogrpo.prompts import Prompt
    from twogrpo.rewards import Reward

__all__ = ["Evaluation", "evaluate"]

# Bounds the memory of one call of the generator.
_PROMPTS_PER_CALL = 128

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """Scores of one model, means over data sets of means over problems: a small data set counts as much as a large."""

    k: int
    """Samples a problem."""
    mean_at_k: float
    """Mean score of a sample."""
    pass_at_k: float
    """Share of problems that at least one of the k samples solves."""
    greedy: float
    """Mean score of the greedy answer; nan if none was asked for."""
    failed: int
    """Answers that count as 0 because scoring failed; 0 in a sound evaluation."""
    by_dataset: Mapping[str, DatasetScores]
    rows: Mapping[str, Sequence[Any]]
    """The answers as columns of the rollout store, by problem (group_id) and place (rollout_idx 0 to k - 1 the
    samples, k the greedy one); a column in which every value is None is left out."""


@dataclass(frozen=True)
class _Pass:
    """One way of answering every problem: `count` answers each, stored from place `first_idx` on."""

    params: "SamplingParams"
    count: int
    first_idx: int


def evaluate(
    generator: "Generator",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: "Sequence[Prompt]",
    reward: "Reward",
    *,
    samples: int,
    params: "SamplingParams",
    seed: int,
    greedy: bool = True,
) -> Evaluation:
    """Return the scores of the generator's model; it answers with the weights of its last `sync`.

    Args:
        generator: Answers the prompts.
        tokenizer: Decodes the answers.
        prompts: The problems, at least one.
        reward: Scores the answers: a verdict counts 1 or 0, a number without a verdict counts as it is and solves its
            problem from 1 on, a failure counts 0.
        samples: Answers sampled for each problem, k, at least 1.
        params: How they are sampled; the greedy answer takes only `max_new_tokens` from it.
        seed: Seed of the sampling.
        greedy: Also answer greedily.

    Raises:
        DataError: If there is nothing to evaluate or to sample.
    """
    if not prompts or samples < 1:
        raise DataError(f"nothing to evaluate: {len(prompts)} problems, {samples} samples each; give at least one each")
    passes = [_Pass(params, samples, 0)]
    if greedy:
        passes.append(_Pass(replace(params, temperature=0.0, top_p=1.0, top_k=0, min_p=0.0), 1, samples))
    rows = [
        row
        for each in passes
        for start in range(0, len(prompts), _PROMPTS_PER_CALL)
        for row in _answers(generator, tokenizer, prompts, reward, each, start=start, seed=seed + start)
    ]
    if all(row["reward"] is None for row in rows):
        detail = getattr(reward, "last_error", None) or "no gold answer can be read"
        raise DataError(
            f"all {len(rows)} rewards of the evaluation failed: {detail}; check the golds or reward.function"
        )
    rows.sort(key=lambda row: (row["group_id"], row["rollout_idx"]))
    problems = [_problem_scores(list(group), samples) for _, group in groupby(rows, key=lambda row: row["group_id"])]
    return _evaluation(scores_by_dataset(problems), samples, rows)


def _answers(
    generator: "Generator",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: "Sequence[Prompt]",
    reward: "Reward",
    each: _Pass,
    *,
    start: int,
    seed: int,
) -> Iterator[Row]:
    """Yield the scored answers to the problems of one call, one row an answer."""
    asked = prompts[start : start + _PROMPTS_PER_CALL]
    generation = generator.generate(
        [prompt.token_ids for prompt in asked], group_size=each.count, params=each.params, seed=seed
    )
    responses = tokenizer.batch_decode(generation.response_ids, skip_special_tokens=True)
    prompt_of_row = [prompt for prompt in asked for _ in range(each.count)]
    scores = reward(prompt_of_row, responses)
    shared = _shared_columns(each.params, seed=seed, generator=generator.name, verifier=scores.verifier)
    for row, prompt in enumerate(prompt_of_row):
        yield {
            "group_id": start + row // each.count,
            "rollout_idx": each.first_idx + row % each.count,
            **_prompt_columns(prompt),
            "response": responses[row],
            "response_ids": generation.response_ids[row],
            "logprobs": generation.logprobs[row],
            "finish_reason": generation.finish_reasons[row],
            "reward": scores.rewards[row],
            "correct": scores.correct[row],
            "status": scores.status[row],
            "rule": scores.rule[row],
            "extracted": scores.extracted[row],
            **shared,
        }


def _prompt_columns(prompt: "Prompt") -> Row:
    return {
        "dataset": prompt.dataset,
        "prompt_id": prompt.prompt_id,
        "prompt": prompt.text,
        "gold": prompt.golds[0],
        "gold_alternatives": list(prompt.golds[1:]) or None,
        "prompt_ids": list(prompt.token_ids),
    }


def _shared_columns(params: "SamplingParams", *, seed: int, generator: str, verifier: str) -> Row:
    return {
        "verifier": verifier,
        "generator": generator,
        "logprob_kind": "processed",
        **asdict(params),
        "seed": seed,
    }


def _problem_scores(rows: list[Row], samples: int) -> ProblemScores:
    scores = [_score(row["correct"], row["reward"]) for row in rows]
    return ProblemScores(
        dataset=rows[0]["dataset"],
        samples=tuple(scores[:samples]),
        greedy=scores[samples] if len(scores) > samples else nan,
        failed=sum(row["reward"] is None for row in rows),
    )


def _score(correct: bool | None, reward: float | None) -> float:  # noqa: FBT001  # a verdict, not a switch
    if reward is None:
        return 0.0
    return reward if correct is None else float(correct)


def _evaluation(by_dataset: Mapping[str, DatasetScores], samples: int, rows: list[Row]) -> Evaluation:
    datasets = by_dataset.values()
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return Evaluation(
        k=samples,
        mean_at_k=fmean(scores.mean_at_k for scores in datasets),
        pass_at_k=fmean(scores.pass_at_k for scores in datasets),
        greedy=fmean(scores.greedy for scores in datasets),
        failed=sum(scores.failed for scores in datasets),
        by_dataset=by_dataset,
        rows={name: column for name, column in columns.items() if any(value is not None for value in column)},
    )
