"""The processes of a dpo run: started here, one a GPU of this machine, or there already, by the user's own launcher.

A launcher such as torchrun or srun, which starts the command once for every GPU of every machine, is told by RANK and
WORLD_SIZE. Rank 0 then makes the run folder, and the others wait for what it hands them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from twogrpo.errors import ConfigError, EngineError, TrainingError
from twogrpo.openrlhf.dpo_job import DpoJob
from twogrpo.openrlhf.gpus import visible_gpus

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

    from twogrpo.config import DpoConfig

__all__ = ["Peers", "check_gpus", "find_peers", "run_ranks"]

_KEY = "twogrpo/dpo"
_POLL_S = 0.2
# torchrun gives its ranks 30 seconds before it kills them.
_ENDS_WITHIN_S = 60
_MET_WITHIN = timedelta(minutes=30)
# Rank 0 reads every byte of the store, of any size, while the others wait.
_PREPARED_WITHIN = timedelta(hours=6)


@dataclass(frozen=True)
class Peers:
    """The ranks that the user's launcher has started.

    Attributes:
        rank: This process.
        store: What they find each other by.
    """

    rank: int
    store: "Store"

    def hand_out(self, job: DpoJob) -> None:
        """Give the other ranks the job."""
        self.store.set(_KEY, json.dumps({"job": job.to_json()}))

    def refuse(self, error: BaseException) -> None:
        """Tell the other ranks why there is no job."""
        self.store.set(_KEY, json.dumps({"refused": str(error)}))

    def receive(self) -> DpoJob:
        """Return the job that rank 0 hands out.

        Raises:
            TrainingError: Rank 0 has refused the run.
        """
        try:
            found = json.loads(self.store.get(_KEY))
        except RuntimeError as error:
            raise TrainingError(
                f"rank {self.rank}: rank 0 is gone before it had a job; its own output says why"
            ) from error
        if "refused" in found:
            raise TrainingError(f"rank {self.rank}: rank 0 has refused the run: {found['refused']}")
        return DpoJob.of_json(found["job"])


def find_peers(config: "DpoConfig") -> Peers | None:
    """Return the ranks that a launcher has started, or None if this process is to start them.

    Raises:
        ConfigError: There are more or fewer of them than `openrlhf.nodes` x `openrlhf.gpus_per_node`, or none on
            several machines.
        EngineError: This machine has too few GPUs.
    """
    section = config.openrlhf
    wanted = section.nodes * section.gpus_per_node
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        if section.nodes > 1:
            raise ConfigError(
                f"openrlhf.nodes={section.nodes} needs one process a GPU on every machine; start this command by "
                "torchrun or srun there, which set RANK and WORLD_SIZE"
            )
        check_gpus(section.gpus_per_node)
        return None
    found = os.environ["WORLD_SIZE"]
    if found != str(wanted):
        raise ConfigError(
            f"openrlhf.nodes={section.nodes} x openrlhf.gpus_per_node={section.gpus_per_node} is {wanted}, but the "
            f"launcher has started WORLD_SIZE={found} processes; let them agree"
        )
    return _meet()


def _meet() -> Peers:
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, _ = next(rendezvous("env://", timeout=_MET_WITHIN))
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"RANK is set, but the ranks cannot meet: {' '.join(str(error).split())}") from error
    store.set_timeout(_PREPARED_WITHIN)
    return Peers(rank, store)


def check_gpus(wanted: int) -> None:
    """Refuse to start more ranks than this machine has GPUs.

    Raises:
        EngineError: There are fewer.
    """
    found = visible_gpus()
    if found is not None and found < wanted:
        raise EngineError(
            f"openrlhf.gpus_per_node={wanted}, but torch sees {found} GPUs here; `twogrpo doctor` lists the devices"
        )


def run_ranks(job: DpoJob, ranks: int, *, is_stop_requested: Callable[[], bool]) -> None:
    """Train in processes of their own, one a GPU, and wait for their end; what they print goes to a file.

    Args:
        job: The run.
        ranks: How many processes.
        is_stop_requested: Asked a few times a second; the ranks then finish their step and save.

    Raises:
        TrainingError: A rank has failed; the message has its reason and the name of the log.
    """
    job.files.failure.unlink(missing_ok=True)
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command = [sys.executable, *torchrun, "-m", "twogrpo.openrlhf.dpo_worker", job.to_json()]
    with job.files.log.open("ab") as log:
        # In a session of its own: Ctrl-C is ours to pass on, between two steps.
        agent = subprocess.Popen(  # noqa: S603  # our own interpreter
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(agent, is_stop_requested)
        finally:
            _end(agent)
    if agent.returncode != 0:
        raise TrainingError(
            f"{_reason(job, agent.returncode)}; the log is {job.files.log}; go on from the newest checkpoint with "
            f"run_dir={job.run} --resume"
        )


def _wait(agent: "subprocess.Popen[bytes]", is_stop_requested: Callable[[], bool]) -> None:
    is_told = False
    while agent.poll() is None:
        time.sleep(_POLL_S)
        if is_stop_requested() and not is_told and agent.stdin is not None:
            is_told = True
            # A rank may just have ended.
            with suppress(BrokenPipeError):
                agent.stdin.write(b"s")
                agent.stdin.flush()


def _end(agent: "subprocess.Popen[bytes]") -> None:
    """Stop what still runs: the ranks end with their line to this process, and torchrun ends what does not."""
    if agent.stdin is not None:
        with suppress(BrokenPipeError):
            agent.stdin.close()
    if agent.poll() is not None:
        return
    agent.terminate()
    try:
        agent.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        agent.kill()
        agent.wait()


def _reason(job: DpoJob, code: int) -> str:
    with suppress(OSError):
        return job.files.failure.read_text().strip()
    return f"a rank was killed (torchrun ended with {code})"
