"""Writers killed with SIGKILL at any moment: nothing acknowledged is lost, and any reader reads on.

`make crash` plays many more trials than the ordinary suite, by TWOGRPO_CRASH_TRIALS.
"""

import logging
import os
import random
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.store_crash.nursery import Nursery, Orders, kill, rollouts, wait, wait_for_lock, words
from twogrpo import RolloutStore

TRIALS = int(os.environ.get("TWOGRPO_CRASH_TRIALS", "30"))
ROUNDS = 3
_logger = logging.getLogger(__name__)
COLUMNS = rollouts("w0", 0).columns


class Trial:
    """One store, and what its writers have been promised: steps by writer."""

    def __init__(self, nursery: Nursery, folder: Path, seed: int) -> None:
        self.nursery, self.folder, self.random = nursery, folder, random.Random(seed)
        self.store = folder / "rollouts"
        self.promised: dict[str, set[int]] = {f"w{n}": set() for n in range(self.random.choice([1, 1, 2, 3]))}
        self.counts: Counter[str] = Counter()

    def play(self) -> Counter[str]:
        for number in range(ROUNDS):
            if number and self.random.random() < 0.4:
                self.resume(number)
            self.write(number)
            self.look()
        with RolloutStore.open(self.store, run_id="r") as store:
            assert store.check(deep=True).ok
        return self.counts

    def write(self, number: int) -> None:
        """Let every writer go on and kill each at a moment of its own."""
        started = []
        for writer in self.promised:
            orders = self.orders(writer, number, first=self.next_step(writer), forks=self.random.random() < 0.3)
            started.append((self.random.uniform(0, 0.4), writer, orders, self.nursery.start(orders)))
        begin = time.monotonic()
        for moment, writer, orders, pid in sorted(started, key=lambda start: start[0]):
            time.sleep(max(0.0, begin + moment - time.monotonic()))
            self.end(pid, orders)
            self.promised[writer].update(self.acknowledged(orders))

    def resume(self, number: int) -> None:
        """Go back to a step, killed on the way at times; then a second resume finishes the work of the first."""
        # No trainer has a checkpoint of a step that a writer has not been promised.
        last = min(max(steps, default=-1) for steps in self.promised.values())
        keep = self.random.randint(-1, last)
        for name, is_killed in (("killed", True), ("again", False)):
            orders = self.orders("w0", number, first=0, end=0, resume_step=keep, name=name)
            pid = self.nursery.start(orders)
            if is_killed:
                time.sleep(self.random.uniform(0, 0.06))
                self.end(pid, orders)
            else:
                wait(pid)
            self.acknowledged(orders)
        assert words(Path(orders.acknowledged)) == ["resumed"]
        self.counts["resumes"] += 1
        for steps in self.promised.values():
            steps.intersection_update(range(keep + 1))

    def orders(self, writer: str, number: int, *, name: str = "write", **more: object) -> Orders:
        file = self.folder / f"{number}-{name}-{writer}"
        return Orders(path=str(self.store), acknowledged=str(file), writer=writer, **more)

    def next_step(self, writer: str) -> int:
        """Return the step that the writer goes on with; what landed without an acknowledgement is repeated."""
        return max(self.promised[writer], default=-1) + 1

    def end(self, pid: int, orders: Orders) -> None:
        kill(pid)
        wait_for_lock(orders)
        self.counts["kills"] += 1

    def acknowledged(self, orders: Orders) -> list[int]:
        said = words(Path(orders.acknowledged))
        assert not [word for word in said if word.startswith("error")], said
        return [int(word) for word in said if word.isdigit()]

    def look(self) -> None:
        """Read as polars does without us, and count what is lost."""
        if not list(self.store.glob("run=*/*.parquet")):
            assert not any(self.promised.values())
            return
        rows = pl.scan_parquet(self.store / "run=*/*.parquet", hive_partitioning=True).collect()
        found = rows.partition_by("writer", "step", as_dict=True)
        promised = {(writer, step) for writer, steps in self.promised.items() for step in steps}
        self.counts["acknowledged"] += len(promised)
        self.counts["lost"] += len(promised - found.keys())
        self.counts["torn"] += sum(frame.height != rollouts(*place).height for place, frame in found.items())
        for place, frame in found.items():
            assert_frame_equal(frame.select(COLUMNS), rollouts(*place), check_dtypes=False)
        damage = [problem for problem in RolloutStore.open(self.store).check(deep=True).problems if problem.is_damage]
        assert damage == []


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_to_kill_9(tmp_path):
    counts: Counter[str] = Counter()
    with Nursery() as nursery:
        for seed in range(TRIALS):
            folder = tmp_path / str(seed)
            folder.mkdir()
            counts += Trial(nursery, folder, seed).play()
    names = ("kills", "resumes", "acknowledged", "lost", "torn")
    _logger.info("%d trials: %s", TRIALS, ", ".join(f"{counts[name]:,} {name}" for name in names))
    assert (counts["lost"], counts["torn"]) == (0, 0)
    # Kills that all came too early would prove nothing.
    assert counts["acknowledged"] > TRIALS
    assert counts["kills"] > ROUNDS * TRIALS
