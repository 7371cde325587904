"""Devices that are not there, disks that are full and folders that cannot be written."""

import contextlib
import os
import subprocess

import pytest

from tests.program import run_in_shell
from tests.user_errors.case import Case
from tests.user_errors.cases_configuration import written
from tests.user_errors.world import online

ON_DISK = ("run_dir=disk/run",)
FIRST = online(*ON_DISK, "train.steps=2")
GOING_ON = (*online(*ON_DISK, "train.steps=30"), "--resume")
SAVING = (*online(*ON_DISK, "train.steps=3"), "--resume")
MIB = 1 << 20


@contextlib.contextmanager
def small_disk(folder, size=8 * MIB):
    """Mount a disk of so many bytes as `disk`, which only root may."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill(disk, leave):
    """Fill a disk but for so many bytes."""
    space = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(space.f_bavail * space.f_frsize - leave))


def on_a_full_disk(leave):
    """Return how a run of two steps goes on with so many bytes left, and how it goes on when there is space again."""

    def drive(world, folder, case):
        with small_disk(folder) as disk:
            assert world.run(folder, *FIRST).code == 0
            before = stored(disk)
            fill(disk, leave)
            outcome = world.run(folder, *case.words)
            kept = stored(disk)
            assert before.items() <= kept.items(), "a full disk has cost a segment or a checkpoint"
            (disk / "ballast").unlink()
            after = world.run(folder, *case.words)
            assert after.code == 0, after.stderr
        (folder / "disk").rmdir()
        return outcome

    return drive


def stored(disk):
    """Return the bytes of every segment and checkpoint."""
    files = [*disk.glob("run/rollouts/run=*/*.parquet"), *disk.glob("run/checkpoints/step-*/*")]
    return {str(file.relative_to(disk)): file.read_bytes() for file in files}


def on_a_read_only_disk(world, folder, case):
    if os.geteuid() != 0:
        disk = folder / "disk"
        disk.mkdir(mode=0o555)
        outcome = world.run(folder, *case.words)
        disk.rmdir()
        return outcome
    with small_disk(folder) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        outcome = world.run(folder, *case.words)
    (folder / "disk").rmdir()
    return outcome


def no_such_device(name):
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if present[name]:
        pytest.skip(f"this machine has {name}")


def asked_for(name):
    """Return a case of a device that is not there."""
    return Case(
        did=f"ask for `{name}` where there is none",
        words=online(f"model.device={name}"),
        prepare=lambda _folder: no_such_device(name),
        code=4,
        says=(f"model.device={name} is not available", "use auto or cpu"),
    )


MACHINE = [
    asked_for("cuda"),
    asked_for("mps"),
    Case(
        did="ask for a device that is none",
        words=online("model.device=warp"),
        code=2,
        says=("model.device=warp is no device", "cuda"),
    ),
    Case(
        did="run out of disk while rollouts are stored",
        words=GOING_ON,
        drive=on_a_full_disk(leave=60_000),
        code=4,
        says=("disk/run/rollouts", "No space left on device"),
        may_write=("disk",),
    ),
    Case(
        did="run out of disk while a checkpoint is written",
        words=SAVING,
        drive=on_a_full_disk(leave=400_000),
        code=4,
        says=("checkpoint disk/run/checkpoints/step-00000003 cannot be written", "--resume"),
        theirs=r"(?<=written: ).*?(?=; the checkpoints)",
        may_write=("disk",),
    ),
    Case(
        did="name a run folder on a disk that is read only",
        words=online(*ON_DISK),
        drive=on_a_read_only_disk,
        code=2,
        says=("run_dir=disk/run cannot be made", "name another folder"),
        theirs="Read-only file system|Permission denied",
        may_write=("disk",),
    ),
    Case(
        did="write verdicts to a folder that is not there",
        words=("verify", "-", "--out", "none/out.jsonl"),
        stdin=b'{"id": 1, "gold": "1", "pred": "1"}\n',
        code=3,
        says=("none/out.jsonl",),
    ),
    Case(
        did="write verdicts to a disk that is full",
        words=("verify", "rows.jsonl", "--out", "-"),
        prepare=written("rows.jsonl", '{"id": 1, "gold": "1", "pred": "1"}\n'),
        drive=lambda _world, folder, case: run_in_shell(folder, f"twogrpo {' '.join(case.words)} > /dev/full"),
        code=4,
        says=("No space left on device",),
    ),
]
