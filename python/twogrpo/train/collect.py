"""One batch of rollouts: draw prompts, generate, score, compute advantages, and lay them out for the store."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from twogrpo.errors import TrainingError
from twogrpo.generate import SamplingParams
from twogrpo.objectives import group_advantages
from twogrpo.scored_sampling import sample_scored

if TYPE_CHECKING:
    import polars as pl
    from transformers import PreTrainedTokenizerBase

    from twogrpo.config import OnlineConfig
    from twogrpo.generate import Generation, Generator
    from twogrpo.prompts import Draw
    from twogrpo.rewards import Reward, Scores

__all__ = ["RolloutBatch", "collect", "rollout_table", "sampling_params", "scored_batch", "trained_rewards"]


@dataclass(frozen=True)
class RolloutBatch:
    """Rollouts of one step, prompt-major: row p * group_size + g.

    Attributes:
        draws: The prompts, P of them.
        generation: Token ids, behaviour logprobs and finish reasons, B = P * G rows.
        responses: Decoded text, B rows.
        scores: Verdicts; `rewards` as scored, before a cut response is zeroed.
        rewards_PG: Rewards as trained; 0 where scoring failed.
        advantages_B: Advantages; exact zeros for tied and inert groups.
        is_tied_P: All rewards of the group are equal.
        is_inert_P: The group has a failed reward, or a cut response under `reward.cut_response: mask`.
        generate_s: Wall seconds of generating, and of the scoring that took place meanwhile.
        verify_s: Wall seconds of the scoring after the last token.
        is_replayed: Another policy than the one that is trained has sampled them.
    """

    draws: Sequence["Draw"]
    generation: "Generation"
    responses: list[str]
    scores: "Scores"
    rewards_PG: Tensor
    advantages_B: Tensor
    is_tied_P: Tensor
    is_inert_P: Tensor
    generate_s: float
    verify_s: float
    is_replayed: bool = False

    @property
    def group_size(self) -> int:
        """Rollouts a prompt."""
        return int(self.rewards_PG.shape[1])

    @property
    def is_decided_P(self) -> Tensor:
        """Groups that teach: neither tied nor inert."""
        return ~(self.is_tied_P | self.is_inert_P)

    def prompt_ids(self, row: int) -> tuple[int, ...]:
        """Return the prompt's token ids of one rollout."""
        return self.draws[row // self.group_size].prompt.token_ids


def sampling_params(config: "OnlineConfig") -> SamplingParams:
    """Return how the section `rollout` samples."""
    rollout = config.rollout
    return SamplingParams(
        max_new_tokens=rollout.max_new_tokens,
        temperature=rollout.temperature,
        top_p=rollout.top_p,
        top_k=rollout.top_k,
        min_p=rollout.min_p,
    )


def collect(
    draws: Sequence["Draw"],
    config: "OnlineConfig",
    *,
    generator: "Generator",
    tokenizer: "PreTrainedTokenizerBase",
    reward: "Reward",
    params: SamplingParams,
    seed: int,
) -> RolloutBatch:
    """Return the scored rollouts of the drawn prompts.

    Raises:
        TrainingError: The model gives its own responses no finite probability.
    """
    sample = sample_scored(
        [draw.prompt for draw in draws],
        generator=generator,
        tokenizer=tokenizer,
        reward=reward,
        group_size=config.rollout.group_size,
        params=params,
        seed=seed,
    )
    generation = sample.generation
    if not all(math.isfinite(sum(row)) for row in generation.logprobs):
        raise TrainingError(
            f"model.path={config.model.path} gives its own responses probabilities that are not finite: its weights "
            "are broken, or too large for model.dtype; name a sound model or an earlier checkpoint"
        )
    seconds = (sample.generate_s, sample.verify_s)
    return scored_batch(draws, generation, sample.responses, sample.scores, config, seconds)


def scored_batch(
    draws: Sequence["Draw"],
    generation: "Generation",
    responses: list[str],
    scores: "Scores",
    config: "OnlineConfig",
    seconds: tuple[float, float],
) -> RolloutBatch:
    """Return the batch of scored rollouts with its advantages.

    Args:
        draws: The prompts, P of them.
        generation: B = P * G rows, prompt-major; G is what divides them evenly.
        responses: Decoded text, B rows.
        scores: B rows.
        config: Its sections `reward` and `advantage` are used.
        seconds: Of generating and of scoring.
    """
    group_size = len(responses) // len(draws)
    is_cut_PG = torch.tensor([reason == "length" for reason in generation.finish_reasons]).view(-1, group_size)
    rewards_PG, is_inert_P = trained_rewards(scores.rewards, is_cut_PG, config.reward.cut_response)
    advantages_PG = torch.zeros_like(rewards_PG)
    if group_size > 1:
        # One answer to a problem of an evaluation has nothing to be compared with.
        advantages_PG = group_advantages(rewards_PG, std=config.advantage.std, eps=config.advantage.eps)
    advantages_PG[is_inert_P] = 0.0
    return RolloutBatch(
        draws=draws,
        generation=generation,
        responses=responses,
        scores=scores,
        rewards_PG=rewards_PG,
        advantages_B=advantages_PG.flatten(),
        is_tied_P=(rewards_PG == rewards_PG[:, :1]).all(dim=1) & ~is_inert_P,
        is_inert_P=is_inert_P,
        generate_s=seconds[0],
        verify_s=seconds[1],
    )


def trained_rewards(rewards: Sequence[float | None], is_cut_PG: Tensor, cut_response: str) -> tuple[Tensor, Tensor]:
    """Return rewards_PG with failures as 0, and which groups are inert because of a failure or a masked cut.

    Args:
        rewards: One a rollout, prompt-major; None where scoring failed.
        is_cut_PG: Responses cut at the token limit.
        cut_response: `reward.cut_response`.
    """
    has_failed_PG = torch.tensor([value is None for value in rewards]).view_as(is_cut_PG)
    rewards_PG = torch.tensor([0.0 if value is None else value for value in rewards]).view_as(is_cut_PG)
    if cut_response == "zero":
        rewards_PG = rewards_PG.masked_fill(is_cut_PG, 0.0)
    is_inert_PG = has_failed_PG | is_cut_PG if cut_response == "mask" else has_failed_PG
    return rewards_PG, is_inert_PG.any(dim=1)


def rollout_table(batch: RolloutBatch, params: SamplingParams, facts: dict[str, Any], *, keep_text: bool) -> Any:  # noqa: ANN401  # a polars DataFrame; polars is imported where it is used
    """Return the batch as the store's columns, one row a rollout.

    Args:
        batch: The rollouts.
        params: How they were sampled.
        facts: Columns with one value for the whole batch, such as policy_version.
        keep_text: Store the response's text beside its token ids.
    """
    import polars as pl

    prompts = _prompt_table(batch)
    failed_B = [value is None for value in batch.scores.rewards]
    columns: dict[str, Any] = {
        "response_ids": batch.generation.response_ids,
        "logprobs": batch.generation.logprobs,
        "reward": [
            None if failed else value
            for failed, value in zip(failed_B, batch.rewards_PG.flatten().tolist(), strict=True)
        ],
        "advantage": batch.advantages_B.tolist(),
        "is_inert": batch.is_inert_P.repeat_interleave(batch.group_size).tolist(),
        "correct": batch.scores.correct,
        "status": batch.scores.status,
        "rule": batch.scores.rule,
        "extracted": batch.scores.extracted,
        "finish_reason": batch.generation.finish_reasons,
    }
    if keep_text:
        columns["response"] = batch.responses
    schema: dict[str, Any] = {
        "response_ids": pl.List(pl.Int32),
        "logprobs": pl.List(pl.Float32),
        "reward": pl.Float32,
        "correct": pl.Boolean,
        "status": pl.String,
        "rule": pl.String,
        "extracted": pl.String,
    }
    shared = {
        "verifier": batch.scores.verifier,
        "logprob_kind": "processed",
        **asdict(params),
        "generate_ms": batch.generate_s * 1000 / max(1, len(prompts)),
        **facts,
    }
    table = pl.concat([prompts, pl.DataFrame(columns, schema_overrides=schema)], how="horizontal")
    return table.with_columns(**{name: pl.lit(value) for name, value in shared.items()})


def _prompt_table(batch: RolloutBatch) -> "pl.DataFrame":
    """Return what the store keeps of the prompts: made once a group, then repeated for each of its rollouts."""
    import polars as pl

    prompts = [draw.prompt for draw in batch.draws]
    columns = {
        "group_id": [draw.group_id for draw in batch.draws],
        "dataset": [prompt.dataset for prompt in prompts],
        "prompt_id": [prompt.prompt_id for prompt in prompts],
        "prompt": [prompt.text for prompt in prompts],
        "gold": [prompt.golds[0] if prompt.golds else None for prompt in prompts],
        "gold_alternatives": [list(prompt.golds[1:]) for prompt in prompts],
        "prompt_ids": [list(prompt.token_ids) for prompt in prompts],
    }
    schema: dict[str, Any] = {
        "gold": pl.String,
        "gold_alternatives": pl.List(pl.String),
        "prompt_ids": pl.List(pl.Int32),
    }
    rows = range(len(prompts) * batch.group_size)
    repeated = pl.DataFrame(columns, schema_overrides=schema)[[row // batch.group_size for row in rows]]
    return repeated.with_columns(pl.Series("rollout_idx", [row % batch.group_size for row in rows], dtype=pl.Int64))
