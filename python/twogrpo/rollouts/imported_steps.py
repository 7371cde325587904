"""Steps of imported rollouts: rows gathered, verified where they have no reward, and appended as segments."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from twogrpo.errors import StoreError
from twogrpo.rollouts.imported_tables import Placed, verified_table
from twogrpo.store import RolloutStore
from twogrpo.verifier import verifier_name

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.config.sampling import RewardSection
    from twogrpo.rollouts.logged_rows import LoggedRollout

__all__ = ["RUN_ID", "ImportCounts", "StepWriter"]

RUN_ID = "imported"
"""The run that imported rollouts belong to, whatever their folder is called."""

# A segment ends at twice either bound; from the bound on, rows without steps begin another step where a group ends.
_SEGMENT_ROWS = 8192
_SEGMENT_CHARACTERS = 1 << 25
_WATCHED = ("prompt_ids", "response_ids", "logprobs", "finish_reason")


@dataclass
class ImportCounts:
    """What became of the rows.

    Attributes:
        rollouts: Rows that are stored now.
        known: Of these, rows that an earlier import had stored.
        repeated: Rows left out because they were those of the step before: TRL logs a batch at each step that it is
            trained on.
        groups: Their groups.
        steps: Their steps.
        verified: Rewards that the verifier gave.
        failed: Rewards that are null.
        lacking: Rows without token ids, logprobs or finish reason, by column.
    """

    rollouts: int = 0
    known: int = 0
    repeated: int = 0
    groups: int = 0
    steps: int = 0
    verified: int = 0
    failed: int = 0
    lacking: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_WATCHED, 0))


class StepWriter:
    """Appends rollouts step by step; a step of more rows than a segment should hold gets several writers.

    Args:
        store: The store's folder.
        reward: How responses without a reward are verified.
        skips_repeats: Leave a step out whose rows are those of the step before.
    """

    def __init__(self, store: Path, reward: "RewardSection", *, skips_repeats: bool) -> None:
        self._path, self._reward, self._skips_repeats = store, reward, skips_repeats
        self.verifier = verifier_name(reward.profile, reward.extract)
        self.counts = ImportCounts()
        self.step: int | None = None
        self._rows: list[Placed] = []
        self._characters = 0
        self._parts = 0
        self._last_digest = b""
        self._open = ExitStack()
        self._stores: dict[int, RolloutStore] = {}

    @property
    def is_full(self) -> bool:
        """Whether the rows at hand are as many as a segment should hold."""
        return self._holds(_SEGMENT_ROWS, _SEGMENT_CHARACTERS)

    def _holds(self, rows: int, characters: int) -> bool:
        return len(self._rows) >= rows or self._characters >= characters

    def begin(self, step: int) -> None:
        """Store the step that was under way, and begin another one."""
        self._end_step()
        self.step, self._parts = step, 0

    def add(self, rollout: "LoggedRollout", group: int, member: int) -> None:
        """Take a row of the step under way.

        Args:
            rollout: The row.
            group: Place of its group in the step.
            member: Its place in the group.
        """
        if self._holds(2 * _SEGMENT_ROWS, 2 * _SEGMENT_CHARACTERS):
            self._append()
        self._rows.append(Placed(rollout, group, member))
        self._characters += len(rollout.prompt) + len(rollout.response)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if kind is None:
                self._end_step()

    def _end_step(self) -> None:
        if not self._rows:
            return
        digest = self._digest() if self._skips_repeats and self._parts == 0 else b""
        if digest and digest == self._last_digest:
            self.counts.repeated += len(self._rows)
            self._rows, self._characters = [], 0
            return
        self._last_digest = digest
        self._append()
        self.counts.steps += 1

    def _digest(self) -> bytes:
        digest = blake2b(digest_size=16)
        for placed in self._rows:
            rollout = placed.rollout
            for part in (
                rollout.prompt,
                rollout.response,
                repr(rollout.reward),
                repr(rollout.columns.get("advantage")),
            ):
                digest.update(f"{len(part)}:{part}".encode())
        return digest.digest()

    def _append(self) -> None:
        step = self.step or 0
        table = verified_table(step, self._rows, self._reward)
        store = self._store()
        name = f"step-{step:08}.{'imported' if self._parts == 0 else f'w{self._parts}-imported'}.parquet"
        is_known = (store.path / f"run={RUN_ID}" / name).exists()
        try:
            store.append(table, step, phase="imported")
            store.flush()
        except StoreError as error:
            first, last = self._rows[0].rollout.place, self._rows[-1].rollout.place
            raise StoreError(f"{first} to {last}: {error}; name another folder with --to") from error
        self._count(table, is_known=is_known)
        self._rows, self._characters = [], 0
        self._parts += 1

    def _store(self) -> RolloutStore:
        """Return the store open for this part of a step; the first part's writer is named after the phase."""
        if self._parts not in self._stores:
            writer = "imported" if self._parts == 0 else f"w{self._parts}"
            store = RolloutStore.open(self._path, run_id=RUN_ID, writer=writer)
            self._stores[self._parts] = self._open.enter_context(store)
        return self._stores[self._parts]

    def _count(self, table: "pl.DataFrame", *, is_known: bool) -> None:
        counts = self.counts
        counts.rollouts += table.height
        counts.verified += sum(not placed.rollout.is_scored for placed in self._rows)
        counts.known += table.height if is_known else 0
        # A group's rows may stand in several parts of a step.
        counts.groups += table.filter(rollout_idx=0).height
        counts.failed += table["reward"].null_count()
        for name in _WATCHED:
            counts.lacking[name] += table[name].null_count() if name in table.columns else table.height
