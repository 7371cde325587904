"""Several processes write one run at once, and a forked child of a writer writes nothing."""

import time
from pathlib import Path

from tests.store_crash.nursery import Nursery, Orders, kill, rollouts, wait, words
from twogrpo import RolloutStore

WRITERS, STEPS = 4, 10


def orders(tmp_path, writer, **more):
    file = tmp_path / f"acknowledged-{writer}"
    return Orders(path=str(tmp_path / "rollouts"), acknowledged=str(file), writer=writer, **more)


def test_four_processes_append_at_once(tmp_path):
    each = [orders(tmp_path, f"w{number}", first=0, end=STEPS) for number in range(WRITERS)]
    with Nursery() as nursery:
        for pid in [nursery.start(one) for one in each]:
            wait(pid)
    for one in each:
        assert words(Path(one.acknowledged)) == [str(step) for step in range(STEPS)]
    store = RolloutStore.open(tmp_path / "rollouts")
    report = store.check(deep=True)
    assert report.ok
    assert (report.segments, report.rows) == (WRITERS * STEPS, WRITERS * STEPS * rollouts("w0", 0).height)
    assert store.scan().select("rollout_id").collect()["rollout_id"].n_unique() == report.rows


def test_a_forked_child_writes_nothing_and_its_parent_goes_on(tmp_path):
    one = orders(tmp_path, "w0", first=0, forks=True)
    with Nursery() as nursery:
        pid = nursery.start(one)
        deadline = time.monotonic() + 60
        while not {"refused", "3"} <= set(words(Path(one.acknowledged))):
            assert time.monotonic() < deadline, words(Path(one.acknowledged))
            time.sleep(0.01)
        kill(pid)
    with RolloutStore.open(tmp_path / "rollouts", run_id="r") as store:
        assert store.check(deep=True).ok
        assert store.scan().filter(step=9_999).collect().height == 0
