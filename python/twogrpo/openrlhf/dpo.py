"""`twogrpo dpo RUN engine=openrlhf`: OpenRLHF's own DPO trainer on the stored token ids of the pairs.

Several GPUs of one machine need nothing but `openrlhf.gpus_per_node`. On several machines the same command is started
once for every GPU, by torchrun or srun, with the run folder on a file system that all of them see.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from twogrpo.config import DpoConfig
from twogrpo.errors import ConfigError, TrainingError, TwoGrpoError
from twogrpo.monitor import Console, MetricsLog
from twogrpo.openrlhf.dpo_checkpoints import seal_weights, take_up_newest
from twogrpo.openrlhf.dpo_flags import check_dpo, dpo_flags, dpo_notes
from twogrpo.openrlhf.dpo_inputs import DpoInputs, read_inputs
from twogrpo.openrlhf.dpo_job import DpoFiles, DpoJob
from twogrpo.openrlhf.dpo_launch import Peers, find_peers, run_ranks
from twogrpo.openrlhf.dpo_worker import train_rank
from twogrpo.openrlhf.progress import following
from twogrpo.openrlhf.summary import dpo_summary
from twogrpo.openrlhf.versions import check_versions
from twogrpo.store import RolloutStore
from twogrpo.train.checkpoint import latest_checkpoint, load_state
from twogrpo.train.dpo import pair_figures
from twogrpo.train.folder_state import changes_shown
from twogrpo.train.interrupt import StopOnInterrupt
from twogrpo.train.run_folder import RunFolder, open_run_folder
from twogrpo.train.session import RunResult, provenance

__all__ = ["NEEDED", "train_dpo_openrlhf"]

# Nothing is generated, so neither Ray nor vLLM.
NEEDED = ("openrlhf", "torch", "transformers", "deepspeed", "flash_attn")
# OpenRLHF hands this name to `datasets`, which takes these for lists and patterns of files.
_SPECIAL = set(",@*?[]{}")


def train_dpo_openrlhf(
    config: DpoConfig,
    rollouts: RolloutStore | str | Path,
    *,
    resume: bool = False,
    force: bool = False,
    console: Console | None = None,
) -> RunResult | None:
    """Train a policy on preference pairs built from stored rollouts, with OpenRLHF on one or more GPUs.

    Args:
        config: The run; `DpoConfig.for_run` takes model and data over from the online run.
        rollouts: The store, or its folder or run folder.
        resume: Go on from DeepSpeed's newest checkpoint.
        force: Replace an existing run.
        console: Where progress goes; stderr by default.

    Returns:
        The run's folder, newest checkpoint and summary; None on the other ranks of the user's own launcher.

    Raises:
        ConfigError, EngineError: What is asked for cannot be run, or would replace the run that has the rollouts.
        DataError: The store makes no pair, or its rollouts carry no token ids and no text, or other ids.
        StoreError: The store cannot be read, or is damaged.
        TrainingError: A rank has failed; what was saved before is as it was.
    """
    # Where every pair is one update, their number is known once the store is read.
    if config.train.rollouts_per_update is not None:
        check_dpo(config, config.train.rollouts_per_update // 2)
    check_versions(NEEDED)
    peers = find_peers(config)
    if peers is not None and peers.rank > 0:
        with StopOnInterrupt() as stop:
            _train_here(peers.receive(), stop)
        return None
    console = console if console is not None else Console(every_steps=config.log.every_steps)
    with _told(peers):
        inputs = read_inputs(config, rollouts)
        folder = open_run_folder(config, default="runs/dpo", resume=resume, force=force)
        with folder.restoring(), _writing(folder, config, inputs), StopOnInterrupt() as stop:
            job = _begin(folder, config, inputs, console)
            with contextlib.closing(console):
                checkpoint = _train(job, config, peers, stop, console)
    summary = dpo_summary(MetricsLog(folder.metrics), pairs=len(inputs.schedule.data))
    folder.write_summary(summary)
    is_interrupted = stop.requested and load_state(checkpoint).step < job.steps
    return RunResult(folder.path, checkpoint, summary, is_interrupted)


@contextlib.contextmanager
def _told(peers: Peers | None) -> Iterator[None]:
    """Tell the other ranks if there will be no job for them."""
    try:
        yield
    except BaseException as error:
        if peers is not None:
            peers.refuse(error)
        raise


def _writing(folder: RunFolder, config: DpoConfig, inputs: DpoInputs) -> RolloutStore:
    """Return the run's store, into which nothing is written: its lock keeps a second process from a live run."""
    return RolloutStore.open(
        folder.rollouts, run_id=folder.run_id, writer="w0", metadata=provenance(config, inputs.tokenizer)
    )


def _begin(folder: RunFolder, config: DpoConfig, inputs: DpoInputs, console: Console) -> DpoJob:
    """Return the job of the ranks, with everything written that they read."""
    files = DpoFiles(folder.path.resolve())
    if special := sorted(_SPECIAL & set(str(files.run))):
        raise ConfigError(
            f"run_dir={files.run} has {' '.join(special)} in its path, which OpenRLHF takes for several files; name "
            "another folder"
        )
    schedule = inputs.schedule
    schedule.data.pin(folder.path / "pairs.parquet", is_resumed=folder.is_resumed)
    first_step = take_up_newest(files.deepspeed) if folder.is_resumed else 0
    flags = dpo_flags(
        config,
        model=inputs.model,
        reference=inputs.reference,
        data=files.schedule,
        run=files.run,
        steps=schedule.steps,
        max_len=schedule.longest,
        is_resumed=first_step > 0,
        pairs_per_update=schedule.pairs_per_step,
    )
    schedule.write(files.schedule)
    folder.begin(config)
    MetricsLog(files.metrics).keep_before(first_step)
    _note(folder, config, inputs, first_step, console)
    return DpoJob(files.run, tuple(flags), schedule.steps, first_step, config.checkpoint.keep)


def _note(folder: RunFolder, config: DpoConfig, inputs: DpoInputs, first_step: int, console: Console) -> None:
    schedule = inputs.schedule
    pairs = len(schedule.data)
    console.note(f"run folder {folder.path}: {pairs} pairs from {inputs.store}")
    console.note(f"OpenRLHF's own output goes to {DpoFiles(folder.path).log}")
    if schedule.data.tokenised:
        console.note(f"{schedule.data.tokenised:,} rollouts without token ids were tokenised from their text")
    if schedule.pairs_per_step > pairs:
        console.note(
            f"train.rollouts_per_update={config.train.rollouts_per_update} is {schedule.pairs_per_step} pairs, more "
            f"than the {pairs} that there are: one update takes some of them again"
        )
    for line in dpo_notes(config):
        console.note(line)
    if folder.is_resumed:
        console.note(f"resuming {folder.path} after step {first_step}{' with' if folder.changes else ''}")
        for line in changes_shown(folder.changes, config.train.schedule):
            console.note(line)


def _train(job: DpoJob, config: DpoConfig, peers: Peers | None, stop: StopOnInterrupt, console: Console) -> Path:
    """Train on every rank, and return the last checkpoint."""
    newest = latest_checkpoint(job.files.checkpoints)
    if job.first_step >= job.steps and newest is not None and load_state(newest).step == job.first_step:
        console.note(f"all of its {job.steps} steps are made; a larger train.steps goes on")
        return newest
    saved = Path(job.flags[job.flags.index("--ckpt.output_dir") + 1])
    for leftover in (saved, job.files.weights):
        shutil.rmtree(leftover, ignore_errors=True)
    with following(job.files.metrics, console, job.steps, title="dpo", figures=pair_figures):
        if peers is None:
            run_ranks(job, config.openrlhf.gpus_per_node, is_stop_requested=lambda: stop.requested)
        else:
            peers.hand_out(job)
            _train_here(job, stop)
    saved.rename(job.files.weights)
    return seal_weights(job, take_up_newest(job.files.deepspeed))


def _train_here(job: DpoJob, stop: StopOnInterrupt) -> None:
    """Train in this process, as one of the ranks of the user's launcher, and say in one line what ends it."""
    rank = f"rank {os.environ['RANK']}"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            train_rank(job, is_stop_requested=lambda: stop.requested)
    except (TwoGrpoError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise TrainingError(f"{rank}: OpenRLHF refused its flags; see the lines above") from error
    except Exception as error:  # whatever its packages raise
        reason = " ".join(str(error).split())
        raise TrainingError(
            f"{rank}: {type(error).__name__}: {reason}; go on from the newest checkpoint with --resume"
        ) from error
