"""Stored rollouts as batches to train on once more: one a stored step, in the order of run and step, read when needed.

The source is only read. Each batch is told by a hash of what training takes from it, so that who goes on later can tell
that the rollouts are still those it began with.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twogrpo.errors import ConfigError, DataError, StoreError
from twogrpo.rollouts.replay_checks import check_groups, check_rollouts

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["ReplaySource", "StoredBatch", "describe"]

_PHASES = ("train", "imported")
_LISTS = ("prompt_ids", "response_ids", "logprobs")


@dataclass(frozen=True)
class StoredBatch:
    """One stored step: where it stands and what is to be known of it without its tokens.

    Attributes:
        run_id: The run that sampled it.
        step: Its step there.
        rollouts: Rollouts, in whole groups.
        group_size: Rollouts a group.
        tokens: Tokens of all rollouts, prompts included.
        longest: Tokens of the longest rollout, prompt included.
        largest_id: The largest token id.
        digest: SHA-256 over ids, tokens, logprobs, rewards and finish reasons.
    """

    run_id: str
    step: int
    rollouts: int
    group_size: int
    tokens: int
    longest: int
    largest_id: int
    digest: str


@dataclass(frozen=True)
class ReplaySource:
    """The rollouts of a store that another run trains on.

    Attributes:
        store: Open for reading.
        temperature: `rollout.temperature` of the run that trains on them.
    """

    store: "RolloutStore"
    temperature: float

    def steps(self, limit: int | None = None) -> list[tuple[str, int]]:
        """Return run and step of each batch, in that order.

        Args:
            limit: Only the first so many, `replay.steps`.

        Raises:
            DataError: There are no rollouts to train on.
            ConfigError: There are fewer steps than `limit`.
        """
        import polars as pl

        rows = self.store.scan_segments(self.store.segments()).filter(pl.col("phase").is_in(_PHASES))
        found = list(rows.select("run_id", "step").unique().sort("run_id", "step").collect().iter_rows())
        if not found:
            phases = " or ".join(_PHASES)
            raise DataError(f"{self.store.path} holds no rollouts of phase {phases}; name a run that has trained")
        if limit is not None and limit > len(found):
            raise ConfigError(
                f"replay.steps={limit} is more than the {len(found)} steps that {self.store.path} holds; "
                "lower it, or leave it out for all of them"
            )
        return found[:limit]

    def batches(self, steps: Sequence[tuple[str, int]]) -> "Iterator[pl.DataFrame]":
        """Yield the rollouts of some steps, one batch each, checked; see `read`."""
        for index, (run_id, step) in enumerate(steps):
            try:
                yield self.read(run_id, step)
            except DataError as error:
                before = f"; replay.steps={index} takes the steps before it" if index else ""
                raise DataError(f"{error}{before}") from error

    def read(self, run_id: str, step: int) -> "pl.DataFrame":
        """Return one step's rollouts with the store's columns, in the order of group_id and rollout_idx.

        Raises:
            DataError: They cannot be trained on; the first rollout or group that is wrong is named.
            StoreError: A segment cannot be read.
        """
        import polars as pl

        place = f"{self.store.path}, run {run_id}, step {step}"
        is_wanted = (pl.col("run_id") == run_id) & (pl.col("step") == step) & pl.col("phase").is_in(_PHASES)
        try:
            found = self.store.scan_segments(self.store.segments(steps=range(step, step + 1))).filter(is_wanted)
            rows = found.drop("run", "segment").sort("group_id", "rollout_idx").collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise StoreError(
                f"{place}: cannot be read ({reason}); `twogrpo store check --deep` lists damage"
            ) from error
        if rows.is_empty():
            raise DataError(f"{place}: its rollouts are gone")
        check_rollouts(rows, place, temperature=self.temperature)
        check_groups(rows, place)
        return rows


def describe(rows: "pl.DataFrame") -> StoredBatch:
    """Return what is to be known of one step's rollouts, as `ReplaySource.read` gives them."""
    import polars as pl

    lengths = rows["prompt_ids"].list.len() + rows["response_ids"].list.len()
    largest = rows.select(pl.max_horizontal(pl.col(name).list.max().max() for name in _LISTS[:2])).item()
    return StoredBatch(
        run_id=rows["run_id"][0],
        step=rows["step"][0],
        rollouts=rows.height,
        group_size=rows.height // rows["group_id"].n_unique(),
        tokens=int(lengths.sum()),
        longest=int(lengths.max()),  # type: ignore[arg-type]  # a number, as there are rows
        largest_id=int(largest),
        digest=_digest(rows),
    )


def _digest(rows: "pl.DataFrame") -> str:
    """Return a hash of what training takes; no library's own format is in it, so that it is the same for ever."""
    import polars as pl

    found = hashlib.sha256()
    found.update(rows.select(pl.col("group_id", "rollout_idx", "rollout_id").cast(pl.Int64)).to_numpy().tobytes("C"))
    for name in _LISTS:
        found.update(rows[name].list.len().cast(pl.Int64).to_numpy().tobytes())
        found.update(rows[name].explode(empty_as_null=False).to_numpy().tobytes())
    found.update(rows["reward"].fill_null(float("nan")).to_numpy().tobytes())
    found.update("\n".join(rows["finish_reason"].fill_null("")).encode())
    return found.hexdigest()
