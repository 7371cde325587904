"""What each rank of a dpo run does: OpenRLHF's `train_dpo`, with our data set, order and trainer in place of its own.

`python -m twogrpo.openrlhf.dpo_worker JOB` is a rank that `twogrpo dpo` has started; standard input is its line to that
process.
"""

import os
import runpy
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module

from twogrpo.openrlhf.dpo_job import DpoJob

__all__ = ["REPLACED", "main", "train_rank"]

PROGRAM = "openrlhf.cli.train_dpo"
# Modules and names: of the data set, of the sampler where it is used, and of the trainer.
REPLACED = (
    ("openrlhf.datasets", "RewardDataset"),
    ("openrlhf.utils.deepspeed.deepspeed", "DistributedSampler"),
    ("openrlhf.trainer.dpo_trainer", "DPOTrainer"),
)


def train_rank(job: DpoJob, *, is_stop_requested: Callable[[], bool]) -> None:
    """Train as one of the ranks that the environment describes (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and _PORT).

    Args:
        job: The run, the same on every rank.
        is_stop_requested: Asked after each step; a rank that says so stops all of them, with a checkpoint.

    Raises:
        TrainingError: The checkpoint is not that of the step to begin with, or a gradient is not finite.
        SystemExit: OpenRLHF knows a flag no more.
    """
    from twogrpo.openrlhf.dpo_trainer import PairTrainer
    from twogrpo.openrlhf.pair_data_set import OrderedSampler, PairDataset

    trainer = partial(PairTrainer, job=job, is_stop_requested=is_stop_requested)
    arguments = sys.argv
    with _replacing(dict(zip(REPLACED, (PairDataset, OrderedSampler, trainer), strict=True))):
        sys.argv = [PROGRAM, *job.flags]
        try:
            runpy.run_module(PROGRAM, run_name="__main__", alter_sys=True)
        finally:
            sys.argv = arguments


@contextmanager
def _replacing(values: Mapping[tuple[str, str], object]) -> Iterator[None]:
    """Put values in the place of names of OpenRLHF's modules, before its program imports them from there."""
    modules = {place: import_module(place[0]) for place in values}
    own = {place: getattr(modules[place], place[1]) for place in values}
    try:
        for place, value in values.items():
            setattr(modules[place], place[1], value)
        yield
    finally:
        for place, value in own.items():
            setattr(modules[place], place[1], value)


def main() -> None:
    """Train as a rank of the job on the command line."""
    job = DpoJob.of_json(sys.argv[1])
    line = _Line()
    try:
        train_rank(job, is_stop_requested=lambda: line.is_stop_requested)
    except BaseException as error:
        _tell_why(job, error)
        raise


class _Line:
    """The line to the process that has started the ranks: a byte asks to stop, its end says that the process is gone.

    Without it the ranks of a process that was killed would train on, into a run that somebody resumes.
    """

    def __init__(self) -> None:
        self.is_stop_requested = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        # Read past Python's buffers, which the end of the interpreter would find locked.
        while os.read(0, 1):
            self.is_stop_requested = True
        sys.stderr.write("the process that started this rank is gone\n")
        os._exit(1)


def _tell_why(job: DpoJob, error: BaseException) -> None:
    """Write why this rank fails, unless another one was first: what follows there is that a peer is gone."""
    reason = " ".join(str(error).split()) or type(error).__name__
    with suppress(FileExistsError), job.files.failure.open("x") as file:
        file.write(f"rank {os.environ.get('RANK', '0')}: {type(error).__name__}: {reason}\n")


if __name__ == "__main__":
    main()
