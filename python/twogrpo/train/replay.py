"""Stored rollouts as the first batches of an online run, before the policy samples its own.

The clip is centred on pi_old, the weights at the start of each batch; the truncated weight pi_old / mu, with mu from
the stored logprobs, corrects for who sampled them. Rewards are taken as they are stored; advantages are this run's.
"""

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from twogrpo.errors import DataError, StoreError
from twogrpo.generate import Generation
from twogrpo.prompts import Draw, Prompt
from twogrpo.rewards import Scores
from twogrpo.rollouts.replay_pin import check_pinned
from twogrpo.rollouts.replayed_batches import ReplaySource, StoredBatch, describe
from twogrpo.store import RolloutStore
from twogrpo.train.collect import RolloutBatch, scored_batch
from twogrpo.train.policy_step import policy_step
from twogrpo.train.statistics import replay_statistics

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.config import OnlineConfig
    from twogrpo.train.session import Session

__all__ = ["Replay", "replay_figures", "replay_step", "replayed_table", "rollouts_of"]

# What the store fills in for the run that it belongs to.
_OWN = ("run_id", "writer", "phase", "attempt", "step", "rollout_id", "created_at")


@dataclass(frozen=True)
class Replay:
    """The replayed phase of a run.

    Attributes:
        batches: What is replayed, one batch a step.
        source: Where the rollouts are; None where no batch is left to replay.
    """

    batches: tuple[StoredBatch, ...] = ()
    source: ReplaySource | None = None

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def rollouts(self) -> int:
        """Rollouts of all batches."""
        return sum(batch.rollouts for batch in self.batches)

    def updates(self, config: "OnlineConfig", steps: int) -> int:
        """Return the optimizer steps of a run of so many steps, its replayed ones included."""
        replayed = self.batches[:steps]
        per_update = config.train.rollouts_per_update
        updates = sum(batch.rollouts // (per_update or batch.rollouts) for batch in replayed)
        return updates + (steps - len(replayed)) * config.updates_per_step

    def read(self, index: int) -> "pl.DataFrame":
        """Return the rollouts of a batch.

        Raises:
            DataError: They are not those that the run began with.
            StoreError: They cannot be read.
        """
        if self.source is None:
            raise StoreError(f"replayed batch {index} is not at hand; --resume goes on with it")
        rows = self.source.read(self.batches[index].run_id, self.batches[index].step)
        check_pinned(describe(rows), self.batches[index], self.source.store.path)
        return rows

    def first_group(self, index: int) -> int:
        """Return the group_id of a batch's first group in the run's own store: groups are numbered through."""
        return sum(batch.rollouts // batch.group_size for batch in self.batches[:index])


def replay_step(
    session: "Session", store: RolloutStore, replay: Replay, config: "OnlineConfig", total_updates: int
) -> dict[str, Any]:
    """Train on the stored batch of this step, record it in the run's store, and return its line of metrics.

    Raises:
        DataError: The source has changed; the steps before are kept.
        StoreError: The source cannot be read; the steps before are kept.
    """
    state = session.state
    try:
        rows = replay.read(state.step)
    except (DataError, StoreError):
        session.save_last(flush=store.flush)
        raise
    batch = rollouts_of(rows, config)
    table = replayed_table(rows, batch, replay.first_group(state.step))
    store.append(table if config.store.keep_text else table.drop("response"), step=state.step, phase="replay")
    started = time.perf_counter()
    trained = policy_step(session.learner, batch, config, state, total_updates)
    metrics = {"kind": "replay", "step": state.step, **replay_statistics(batch, rows), **trained}
    metrics["train_s"] = time.perf_counter() - started
    state.step += 1
    state.rollouts += rows.height
    return metrics


def replay_figures(metrics: dict[str, Any]) -> dict[str, str]:
    """Return what a person wants to see of a replayed step; one line of 80 columns."""
    return {
        "reward": f"{metrics['reward']:.3f}",
        "ties": f"{metrics['tied_share']:.2f}",
        "pairs": str(metrics["decided_groups"]),
        "len": f"{metrics['response_tokens_mean']:.0f}",
        "effective": f"{metrics['importance_effective_share']:.2f}",
        "train": f"{metrics['train_s']:.2f} s",
    }


def rollouts_of(rows: "pl.DataFrame", config: "OnlineConfig") -> RolloutBatch:
    """Return stored rollouts as a batch with this run's advantages.

    Args:
        rows: One step, as `ReplaySource.read` gives it.
        config: Its sections `reward` and `advantage` are used.
    """
    groups = rows["group_id"].n_unique()
    first = rows.gather_every(rows.height // groups)
    columns = ("group_id", "prompt", "gold", "dataset", "prompt_id", "prompt_ids")
    draws = [
        Draw(group, Prompt(text or "", (gold or "",), dataset or "", prompt_id, tuple(ids)))
        for group, text, gold, dataset, prompt_id, ids in first.select(columns).iter_rows()
    ]
    reasons = rows["finish_reason"].fill_null("stop").to_list()
    generation = Generation(rows["response_ids"].to_list(), rows["logprobs"].to_list(), reasons)
    batch = scored_batch(draws, generation, rows["response"].fill_null("").to_list(), _scores(rows), config, (0.0, 0.0))
    return replace(batch, is_replayed=True)


def replayed_table(rows: "pl.DataFrame", batch: RolloutBatch, first_group: int) -> "pl.DataFrame":
    """Return stored rollouts as rows of the run that replays them, with the advantages that it trains on.

    How they were sampled stays as it is; where they are from stands in `extra`.

    Args:
        rows: One step, as `ReplaySource.read` gives it.
        batch: The same rollouts.
        first_group: group_id of the first group.
    """
    import polars as pl

    size = batch.group_size
    rewards = pl.Series(batch.rewards_PG.flatten().tolist(), dtype=pl.Float32)
    return rows.drop(_OWN).with_columns(
        group_id=pl.Series([first_group + row // size for row in range(rows.height)], dtype=pl.Int64),
        reward=pl.when(pl.col("reward").is_not_null()).then(rewards),
        advantage=pl.Series(batch.advantages_B.tolist(), dtype=pl.Float32),
        is_inert=pl.Series(batch.is_inert_P.repeat_interleave(size).tolist(), dtype=pl.Boolean),
        extra=pl.Series(_origins(rows), dtype=pl.String),
    )


def _origins(rows: "pl.DataFrame") -> list[str]:
    names = ("run_id", "step", "group_id", "rollout_id")
    # The source's own text is kept as it is, whatever it holds.
    kept = [{} if extra is None else {"extra": extra} for extra in rows["extra"]]
    origins = rows.select(names).iter_rows(named=True)
    return [json.dumps({"replayed": origin, **extra}) for origin, extra in zip(origins, kept, strict=True)]


def _scores(rows: "pl.DataFrame") -> Scores:
    verifier = ", ".join(rows["verifier"].drop_nulls().unique(maintain_order=True))
    return Scores(
        rewards=rows["reward"].to_list(),
        correct=rows["correct"].to_list(),
        status=rows["status"].to_list(),
        rule=rows["rule"].to_list(),
        extracted=rows["extracted"].to_list(),
        verifier=verifier,
    )
