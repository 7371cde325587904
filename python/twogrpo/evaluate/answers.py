"""Answers to problems: sampled call by call, scored, and laid out as columns of the rollout store.

The sampling seed depends on the evaluation's seed and on the place of a problem alone, so that two models asked with
the same seed draw from the same random numbers and their difference is not made of luck in sampling.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from twogrpo.errors import DataError
from twogrpo.evaluate.scores import ProblemScores
from twogrpo.scored_sampling import sample_scored

if TYPE_CHECKING:
    import polars as pl
    from transformers import PreTrainedTokenizerBase

    from twogrpo.generate import Generator, SamplingParams
    from twogrpo.prompts import Prompt
    from twogrpo.rewards import Reward, Scores

__all__ = ["AnswerPlan", "Answering", "answer_table", "problem_scores"]

# Bound the memory of one call of the generator.
_PROMPTS_PER_CALL = 128
_ANSWERS_PER_CALL = 1024

Row = Mapping[str, Any]


@dataclass(frozen=True)
class AnswerPlan:
    """How every problem is answered.

    Attributes:
        samples: Answers sampled for each problem, at least 1.
        params: How they are sampled; the greedy answer takes only `max_new_tokens` from it.
        seed: Seed of the sampling.
        greedy: Also answer greedily.
    """

    samples: int
    params: "SamplingParams"
    seed: int
    greedy: bool = True

    @property
    def problems_per_call(self) -> int:
        """Problems of one call of the generator; part of how the random numbers are laid out."""
        return max(1, min(_PROMPTS_PER_CALL, _ANSWERS_PER_CALL // self.samples))

    @property
    def answers_per_problem(self) -> int:
        """Rows that a problem has in the store."""
        return self.samples + int(self.greedy)


@dataclass(frozen=True)
class Answering:
    """A model with its problems and what scores its answers.

    Attributes:
        generator: Answers with the weights of its last `sync`.
        tokenizer: Decodes the answers.
        prompts: The problems.
        reward: Scores the answers: a verdict counts 1 or 0, a number without a verdict counts as it is and solves its
            problem from 1 on, a failure counts 0.
        plan: How every problem is answered.
    """

    generator: "Generator"
    tokenizer: "PreTrainedTokenizerBase"
    prompts: "Sequence[Prompt]"
    reward: "Reward"
    plan: AnswerPlan

    def calls(self, first: int = 0) -> Iterator["pl.DataFrame"]:
        """Yield the answers to the problems of one call after another, by problem (group_id) and place (rollout_idx).

        Args:
            first: Place of the first problem to answer; problems before it have been answered.

        Raises:
            DataError: There is nothing to answer, or every reward of the first call failed.
        """
        if not self.prompts or self.plan.samples < 1:
            raise DataError(
                f"nothing to evaluate: {len(self.prompts)} problems, {self.plan.samples} samples each; "
                "give at least one each"
            )
        for start in range(first, len(self.prompts), self.plan.problems_per_call):
            rows = [*self._answers(start, is_greedy=False)]
            if self.plan.greedy:
                rows += self._answers(start, is_greedy=True)
            yield answer_table(rows)

    def _answers(self, start: int, *, is_greedy: bool) -> Iterator[Row]:
        """Yield one row an answer to the problems of one call."""
        plan = self.plan
        asked = self.prompts[start : start + plan.problems_per_call]
        count = 1 if is_greedy else plan.samples
        params = replace(plan.params, temperature=0.0, top_p=1.0, top_k=0, min_p=0.0) if is_greedy else plan.params
        seed = plan.seed + start
        sample = sample_scored(
            asked,
            generator=self.generator,
            tokenizer=self.tokenizer,
            reward=self.reward,
            group_size=count,
            params=params,
            seed=seed,
        )
        generation, responses, scores = sample.generation, sample.responses, sample.scores
        prompt_of_row = [prompt for prompt in asked for _ in range(count)]
        if start == 0 and not is_greedy:
            _check_rewards(scores)
        shared = {
            "verifier": scores.verifier,
            "generator": self.generator.name,
            "logprob_kind": "processed",
            **asdict(params),
            "seed": seed,
        }
        for row, prompt in enumerate(prompt_of_row):
            yield {
                "group_id": start + row // count,
                "rollout_idx": plan.samples if is_greedy else row % count,
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


def answer_table(rows: Sequence[Row]) -> "pl.DataFrame":
    """Return answers as columns of the rollout store, sorted by problem and place."""
    import polars as pl

    # Named, as a column of nothing but None would have no type.
    types: dict[str, Any] = {
        "gold_alternatives": pl.List(pl.String),
        "reward": pl.Float32,
        "correct": pl.Boolean,
        "status": pl.String,
        "rule": pl.String,
        "extracted": pl.String,
        "prompt_ids": pl.List(pl.Int32),
        "response_ids": pl.List(pl.Int32),
        "logprobs": pl.List(pl.Float32),
    }
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pl.DataFrame(columns, schema_overrides=types).sort("group_id", "rollout_idx")


def problem_scores(answers: "pl.DataFrame", samples: int) -> list[ProblemScores]:
    """Return the scores of each problem, in their order.

    Args:
        answers: Rows as `answer_table` lays them out, fresh or read from a store; more columns are no harm.
        samples: Samples of each problem; an answer in the place after them is the greedy one.

    Raises:
        DataError: A problem has more or fewer samples.
    """
    import polars as pl

    is_sample = pl.col("rollout_idx") < samples
    verdict = pl.col("correct").cast(pl.Float64)
    # A failed reward counts 0; a number without a verdict counts as it is.
    score = pl.coalesce(pl.when(pl.col("reward").is_null()).then(0.0), verdict, pl.col("reward").cast(pl.Float64))
    by_problem = (
        answers.sort("group_id", "rollout_idx")
        .group_by("group_id", maintain_order=True)
        .agg(
            pl.col("dataset", "prompt_id").first(),
            samples=score.filter(is_sample),
            greedy=score.filter(~is_sample).first(),
            failed=pl.col("reward").is_null().sum(),
            cut=(pl.col("finish_reason") == "length").filter(is_sample).sum(),
            tokens=pl.col("response_ids").list.len().filter(is_sample).sum(),
        )
    )
    found = [_problem(row) for row in by_problem.drop("group_id").iter_rows(named=True)]
    for place, problem in enumerate(found):
        if len(problem.samples) != samples:
            raise DataError(f"problem {place} has {len(problem.samples)} stored samples, expected {samples}")
    return found


def _problem(row: Row) -> ProblemScores:
    greedy = float("nan") if row["greedy"] is None else row["greedy"]
    return ProblemScores(**{**row, "samples": tuple(row["samples"]), "greedy": greedy})


def _prompt_columns(prompt: "Prompt") -> Row:
    return {
        "dataset": prompt.dataset,
        "prompt_id": prompt.prompt_id,
        "prompt": prompt.text,
        "gold": prompt.golds[0],
        "gold_alternatives": list(prompt.golds[1:]) or None,
        "prompt_ids": list(prompt.token_ids),
    }


def _check_rewards(scores: "Scores") -> None:
    if all(reward is None for reward in scores.rewards):
        raise DataError(
            f"all {len(scores.rewards)} rewards of the evaluation's first call failed: {scores.error}; "
            "check the golds or reward.function"
        )
