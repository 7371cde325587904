"""Stored batches in the form in which OpenRLHF's generator hands out those that it has sampled."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twogrpo.openrlhf.captured import Captured
from twogrpo.rollouts.replay_pin import read_pin
from twogrpo.rollouts.replayed_batches import ReplaySource
from twogrpo.store import RolloutStore
from twogrpo.train.replay import Replay, replayed_table, rollouts_of
from twogrpo.train.statistics import replay_statistics

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.openrlhf.settings import Settings

__all__ = ["ReplayedBatch", "open_pinned", "replayed_batch"]


@dataclass(frozen=True)
class ReplayedBatch:
    """One stored batch.

    Attributes:
        responses: What OpenRLHF makes its experiences of, one a rollout.
        rollouts: The same rollouts with the advantages of this run.
        table: The same rollouts as rows of this run's store, phase `replay`.
    """

    responses: list[dict[str, Any]]
    rollouts: list[Captured]
    table: "pl.DataFrame"


def open_pinned(settings: "Settings") -> Replay:
    """Return the batches that the run replays; none where it replays nothing.

    Raises:
        StoreError: Their store cannot be opened.
    """
    pinned = read_pin(settings.pin) if settings.replayed else None
    if pinned is None or settings.first_step >= len(pinned):
        # The source may be gone by now.
        return Replay(pinned or ())
    source = RolloutStore.open(str(settings.config.replay.rollouts))
    return Replay(pinned, ReplaySource(source, settings.config.rollout.temperature))


def replayed_batch(replay: Replay, index: int, settings: "Settings") -> ReplayedBatch:
    """Return the batch of a step.

    Raises:
        DataError: Its rollouts are not those that the run began with.
        StoreError: They cannot be read.
    """
    rows = replay.read(index)
    batch = rollouts_of(rows, settings.config)
    version = index * settings.config.updates_per_step
    rollouts, responses = [], []
    for row, advantage in enumerate(batch.advantages_B.tolist()):
        draw = batch.draws[row // batch.group_size]
        response_ids = batch.generation.response_ids[row]
        values = {"response_ids": response_ids}
        rollouts.append(Captured(draw, values, row % batch.group_size, version, version, advantage))
        responses.append(_response(rollouts[-1], batch.generation.logprobs[row], batch.generation.finish_reasons[row]))
    rollouts[0].statistics = replay_statistics(batch, rows)
    return ReplayedBatch(responses, rollouts, replayed_table(rows, batch, replay.first_group(index)))


def _response(rollout: Captured, logprobs: list[float], finish_reason: str) -> dict[str, Any]:
    prompt_ids, response_ids = list(rollout.draw.prompt.token_ids), list(rollout.values["response_ids"])
    return {
        "prompt": rollout.draw.prompt.text,
        "label": "",
        "images": None,
        "mm_train_inputs": None,
        "observation_tokens": prompt_ids + response_ids,
        "action_ranges": [(len(prompt_ids), len(prompt_ids) + len(response_ids))],
        "rollout_log_probs": [0.0] * len(prompt_ids) + list(logprobs),
        "truncated": finish_reason == "length",
        # OpenRLHF logs it; what is trained on is the advantage.
        "reward": 0.0,
        "scores": 0.0,
        "extra_logs": {},
    }
