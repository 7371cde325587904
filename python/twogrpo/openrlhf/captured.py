"""Rollouts on their way from a worker to the store and the trainer, group by group.

A captured rollout travels in the field `labels` of OpenRLHF's experiences, which its trainers hand on and never read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twogrpo.generate import Generation, SamplingParams
from twogrpo.prompts import Draw
from twogrpo.rewards import Scores
from twogrpo.train.collect import RolloutBatch, rollout_table, scored_batch

if TYPE_CHECKING:
    from twogrpo.config import OnlineConfig

__all__ = ["Captured", "batch_of", "captured_table"]


@dataclass
class Captured:
    """One rollout.

    Attributes:
        draw: The prompt, at its place in the run.
        values: What the agent found: token ids, logprobs, text, verdict, finish reason.
        index: Its place in its group.
        policy_version: Of the weights at its first token.
        policy_version_max: Of the weights at its last token.
        advantage: As trained; None where it was not trained on.
        statistics: Of the whole batch, on the first of its rollouts that are trained on.
    """

    draw: Draw
    values: dict[str, Any]
    index: int
    policy_version: int = 0
    policy_version_max: int = 0
    advantage: float | None = None
    statistics: dict[str, Any] | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Its place in the run: the draw, then its place in the group."""
        return self.draw.group_id, self.index

    @property
    def length(self) -> int:
        """Tokens, the prompt's included."""
        return len(self.draw.prompt.token_ids) + len(self.values["response_ids"])


def batch_of(
    rollouts: Sequence[Captured], config: "OnlineConfig", generate_s: float
) -> tuple[RolloutBatch, list[Captured]]:
    """Return whole groups as the batch that the local engine would have made, and the rollouts in its order.

    Args:
        rollouts: Every rollout of some draws, in any order.
        config: Its sections `reward` and `advantage` are used.
        generate_s: Wall seconds of generating.
    """
    ordered = sorted(rollouts, key=lambda rollout: rollout.key)
    draws = list({rollout.draw.group_id: rollout.draw for rollout in ordered}.values())
    values = [rollout.values for rollout in ordered]
    scores = Scores(
        rewards=[row["reward"] for row in values],
        correct=[row["correct"] for row in values],
        status=[row["status"] for row in values],
        rule=[row["rule"] for row in values],
        extracted=[row["extracted"] for row in values],
        verifier=values[0]["verifier"],
        error=next((row["error"] for row in values if row["error"]), None),
    )
    generation = Generation(
        [row["response_ids"] for row in values],
        [row["logprobs"] for row in values],
        [row["finish_reason"] for row in values],
    )
    texts = [row["response"] for row in values]
    return scored_batch(draws, generation, texts, scores, config, (generate_s, 0.0)), ordered


def captured_table(
    batch: RolloutBatch,
    rollouts: Sequence[Captured],
    params: SamplingParams,
    facts: dict[str, Any],
    *,
    keep_text: bool,
) -> Any:
    """Return the batch as the store's columns, each rollout with its own versions, seed and advantage as trained."""
    import polars as pl

    table = rollout_table(batch, params, facts, keep_text=keep_text)
    return table.with_columns(
        pl.Series("policy_version", [rollout.policy_version for rollout in rollouts], pl.Int32),
        pl.Series("policy_version_max", [rollout.policy_version_max for rollout in rollouts], pl.Int32),
        pl.Series("seed", [rollout.values["seed"] for rollout in rollouts], pl.Int64),
        pl.Series("advantage", [rollout.advantage for rollout in rollouts], pl.Float32),
    )
