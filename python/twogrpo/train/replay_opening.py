"""What has to hold before stored rollouts are replayed: whole segments, the model's own tokens, batches that fit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from twogrpo.errors import ConfigError, DataError
from twogrpo.rollouts.replay_pin import PIN, check_pinned, read_pin, write_pin
from twogrpo.rollouts.replayed_batches import ReplaySource, StoredBatch, describe
from twogrpo.store import RolloutStore
from twogrpo.train.collect import trained_rewards
from twogrpo.train.pair_checks import check_run_dir, check_stored_ids, checked_store
from twogrpo.train.replay import Replay

if TYPE_CHECKING:
    import polars as pl
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from twogrpo.config import OnlineConfig
    from twogrpo.store import CheckReport
    from twogrpo.train.session import Session

__all__ = ["FoundReplay", "check_replay", "find_replay", "open_replay", "open_source"]


@dataclass(frozen=True)
class FoundReplay:
    """Stored rollouts that can be replayed; tied + inert + decided = groups.

    Attributes:
        replay: The batches.
        made_with: What the check of their store has seen; None where all of them have been replayed.
        groups: Groups of those that were read.
        tied: Every reward is the same.
        inert: A reward failed, or a response was cut under `reward.cut_response: mask`.
    """

    replay: Replay
    made_with: "CheckReport | None" = None
    groups: int = 0
    tied: int = 0
    inert: int = 0

    @property
    def decided(self) -> int:
        """Groups that teach."""
        return self.groups - self.tied - self.inert


def open_source(config: "OnlineConfig") -> ReplaySource | None:
    """Return the store that `replay.rollouts` names, None where nothing is replayed.

    Raises:
        ConfigError: The run would be written where the rollouts are.
        StoreError: There is no store.
    """
    if config.replay.rollouts is None:
        return None
    store = RolloutStore.open(config.replay.rollouts)
    check_run_dir(config, store)
    return ReplaySource(store, config.rollout.temperature)


def find_replay(config: "OnlineConfig", *, resumed: Path | None = None, made: int = 0) -> FoundReplay | None:
    """Return what a run replays, None where it replays nothing; every rollout is read once, a batch at a time.

    Args:
        config: The run.
        resumed: Folder of a run that is taken up; it goes on with the batches that it began with.
        made: Steps that it has made; their batches are not read again.

    Raises:
        ConfigError: The run would be written where the rollouts are, `replay.steps` is more than there are, or an
            update is no part of a batch.
        DataError: A rollout or group cannot be replayed, or has changed; or no group decides anything.
        StoreError: There is no store, or a segment is damaged.
    """
    pinned = None if resumed is None or config.replay.rollouts is None else read_pin(resumed / PIN)
    if pinned is not None and made >= len(pinned):
        # The source may be gone by now.
        return FoundReplay(Replay(pinned))
    source = open_source(config)
    if source is None:
        return None
    made_with = checked_store(source.store)
    if pinned is not None:
        return _find_rest(source, config, made_with, pinned, made)
    found = _found(source, config, made_with, source.batches(source.steps(config.replay.steps)))
    if not found.decided:
        raise DataError(
            f"{source.store.path} has nothing to replay: of {found.groups} groups {found.tied} are tied and "
            f"{found.inert} inert; name a run whose rewards differ within a group"
        )
    return found


def check_replay(
    found: FoundReplay, config: "OnlineConfig", *, tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel"
) -> None:
    """Refuse rollouts that the model cannot be trained on.

    Args:
        found: The rollouts.
        config: The run.
        tokenizer: The model's.
        model: The model, or its outline.

    Raises:
        ConfigError: No micro-batch holds the longest rollout.
        DataError: The rollouts were made with another tokenizer, with token ids that the model does not know, or are
            longer than its context.
    """
    batches, made_with = found.replay.batches, found.made_with
    if made_with is None:
        return
    worst = max(batches, key=lambda batch: batch.longest)
    longest = f"the longest replayed rollout (run {worst.run_id}, step {worst.step}) has {worst.longest} tokens"
    if worst.longest > config.train.token_budget:
        raise ConfigError(f"{longest}, more than train.token_budget={config.train.token_budget}; raise it to that")
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and worst.longest > positions:
        raise DataError(
            f"{longest}, more than the {positions} positions (max_position_embeddings) of "
            f"model.path={config.model.path}; name a model with a longer context"
        )
    largest = max(batch.largest_id for batch in batches)
    check_stored_ids(largest, made_with, config, tokenizer=tokenizer, model=model)


def open_replay(session: "Session", config: "OnlineConfig") -> Replay:
    """Return what a run replays, pinned in its folder; a resumed run goes on with what it began with.

    Called with the run's store open for writing: its lock keeps a second process from a run that is alive.

    Raises:
        ConfigError, DataError, StoreError: As `find_replay` and `check_replay`.
    """
    folder = session.folder
    found = find_replay(config, resumed=folder.path if folder.is_resumed else None, made=session.state.step)
    if found is None:
        return Replay()
    check_replay(found, config, tokenizer=session.tokenizer, model=session.learner.model)
    if not (folder.is_resumed and (folder.path / PIN).exists()):
        write_pin(folder.path / PIN, str(config.replay.rollouts), found.replay.batches)
    return found.replay


def _find_rest(
    source: ReplaySource,
    config: "OnlineConfig",
    made_with: "CheckReport",
    pinned: tuple[StoredBatch, ...],
    made: int,
) -> FoundReplay:
    """Return the batches that a run began with; those to come are what they were."""
    rest = pinned[made:]
    found = _found(source, config, made_with, (source.read(batch.run_id, batch.step) for batch in rest))
    for batch, before in zip(found.replay.batches, rest, strict=True):
        check_pinned(batch, before, source.store.path)
    return replace(found, replay=Replay(pinned, source))


def _found(
    source: ReplaySource, config: "OnlineConfig", made_with: "CheckReport", stored: Iterable["pl.DataFrame"]
) -> FoundReplay:
    batches = []
    counts = torch.zeros(3, dtype=torch.long)
    for rows in stored:
        batches.append(describe(rows))
        _check_updates(batches[-1], config, source)
        counts += _count_groups(rows, batches[-1].group_size, config)
    groups, tied, inert = counts.tolist()
    return FoundReplay(Replay(tuple(batches), source), made_with, groups, tied, inert)


def _check_updates(batch: StoredBatch, config: "OnlineConfig", source: ReplaySource) -> None:
    update = config.train.rollouts_per_update
    if update is not None and (batch.rollouts % update or update % batch.group_size):
        raise ConfigError(
            f"train.rollouts_per_update={update} does not split the {batch.rollouts} rollouts of "
            f"{source.store.path}, run {batch.run_id}, step {batch.step} (groups of {batch.group_size}) into whole "
            "groups; use a number that does, or leave it unset to make one update a batch"
        )


def _count_groups(rows: "pl.DataFrame", group_size: int, config: "OnlineConfig") -> torch.Tensor:
    """Return how many groups there are, how many are tied, and how many inert."""
    is_cut_PG = torch.tensor((rows["finish_reason"].fill_null("") == "length").to_list()).view(-1, group_size)
    rewards_PG, is_inert_P = trained_rewards(rows["reward"].to_list(), is_cut_PG, config.reward.cut_response)
    is_tied_P = (rewards_PG == rewards_PG[:, :1]).all(dim=1) & ~is_inert_P
    return torch.tensor([len(rewards_PG), int(is_tied_P.sum()), int(is_inert_P.sum())])
