"""What the system is asked to do before an append is acknowledged, as strace sees it."""

import os
import re
import shutil
import subprocess
import sys

import pytest

APPEND = """
import os, sys
from tests.store_crash.nursery import rollouts
from twogrpo import RolloutStore
with RolloutStore.open(sys.argv[1], run_id="r") as store:
    for step in range(2):
        os.write(1, f"begin {step}".encode())
        store.append(rollouts("w0", step), step)
        store.flush()
        os.write(1, f"acknowledged {step}".encode())
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The calls of two appends: lines of strace that name the files behind the descriptors."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed, so nothing shows which calls an append makes")
    folder = tmp_path_factory.mktemp("strace")
    traced = "trace=write,fsync,fdatasync,rename,renameat,renameat2,link,linkat"
    command = ["strace", "-f", "-y", "--seccomp-bpf", "-e", traced, "-o", str(folder / "calls")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*command, sys.executable, "-c", APPEND, str(folder / "rollouts")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if "ptrace" in done.stderr or "PTRACE" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return (folder / "calls").read_text().splitlines()


def between(calls, step):
    """Return the calls from the beginning of an append to its acknowledgement."""
    begin = next(at for at, call in enumerate(calls) if f"begin {step}" in call)
    end = next(at for at, call in enumerate(calls) if f"acknowledged {step}" in call)
    return calls[begin:end]


def first(calls, *parts):
    """Return the place of the first call that has all these parts."""
    return next(at for at, call in enumerate(calls) if all(part in call for part in parts))


@pytest.mark.parametrize("step", [0, 1])
def test_an_append_is_synced_before_its_rename_and_after_it(calls, step):
    made = between(calls, step)
    segment = f"step-{step:08}.w0.parquet"
    order = [
        first(made, "write(", "_twogrpo/tmp/"),
        first(made, "sync(", "_twogrpo/tmp/"),
        first(made, "rename", segment),
        first(made, "sync(", "run=r>"),
        first(made, "write(", "_twogrpo/log/r.w0.jsonl"),
        first(made, "sync(", "_twogrpo/log/r.w0.jsonl"),
    ]
    assert order == sorted(order), "\n".join(made)


@pytest.mark.parametrize("step", [0, 1])
def test_every_sync_before_an_acknowledgement_succeeds(calls, step):
    syncs = [call for call in between(calls, step) if re.search(r"\bf(data)?sync\(", call)]
    assert len(syncs) >= 2
    assert all(call.endswith("= 0") or "unfinished" in call for call in syncs), syncs
