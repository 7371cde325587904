"""`twogrpo online ... engine=openrlhf`: the same run on a Ray cluster, by OpenRLHF's own program with our parts in it.

The program is started in this process, as `python -m openrlhf.cli.train_ppo_ray` would, on the Ray cluster that
RAY_ADDRESS names, or on one that Ray starts on this machine.
"""

import contextlib
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from twogrpo.config import OnlineConfig
from twogrpo.errors import EngineError, TrainingError, TwoGrpoError
from twogrpo.monitor import Console, MetricsLog
from twogrpo.openrlhf.cluster import check_address, ray_session
from twogrpo.openrlhf.flags import check_online, online_flags
from twogrpo.openrlhf.gpus import gpus_of
from twogrpo.openrlhf.inputs import Inputs, read_inputs
from twogrpo.openrlhf.progress import following
from twogrpo.openrlhf.prompts import write_prompts
from twogrpo.openrlhf.settings import WRITER, Settings
from twogrpo.openrlhf.summary import online_summary
from twogrpo.openrlhf.versions import check_versions
from twogrpo.rollouts.replay_pin import write_pin
from twogrpo.store import RolloutStore
from twogrpo.train.checkpoint import TrainState, latest_checkpoint, seal_checkpoint
from twogrpo.train.run_folder import RunFolder, open_run_folder
from twogrpo.train.session import RunResult

__all__ = ["train_online_openrlhf"]

PROGRAM = "openrlhf.cli.train_ppo_ray"
# Loaded by its path in every rollout worker; importing it here would import openrlhf.
AGENT = Path(__file__).with_name("agent.py")


def train_online_openrlhf(
    config: OnlineConfig, *, resume: bool = False, force: bool = False, console: Console | None = None
) -> RunResult:
    """Train a policy on its own verified rollouts, on a Ray cluster, and store every one of them.

    Args:
        config: The run, with `engine=openrlhf`.
        resume: Go on from the newest checkpoint.
        force: Replace an existing run.
        console: Where progress goes; stderr by default.

    Returns:
        The run's folder, newest checkpoint and summary.

    Raises:
        ConfigError: A key that OpenRLHF cannot carry, or batches that the GPUs do not divide.
        DataError: The prompts cannot be used, or every reward of the first batch failed.
        EngineError: A package is missing or has another version than the one that is pinned, or Ray is not to be found.
        StoreError: The store cannot be written.
        TrainingError: Too many rewards failed, or a worker died.
    """
    extra = check_online(config)
    check_versions()
    check_address()
    console = console if console is not None else Console(every_steps=config.log.every_steps)
    folder = open_run_folder(config, default="runs/online", resume=resume, force=force)
    console.note(f"run folder {folder.path}")
    with folder.restoring(), contextlib.closing(console):
        inputs = read_inputs(config, folder, console)
        settings = inputs.settings
        checkpoint = latest_checkpoint(folder.checkpoints)
        _begin(folder, inputs)
        if settings.first_step:
            console.note(f"resuming {folder.path} after step {settings.first_step}")
        if settings.first_step < settings.steps or checkpoint is None:
            checkpoint = _train(inputs, console, gpus=gpus_of(config.openrlhf, extra).total)
        else:
            console.note(f"all of its {settings.steps} steps are made; a larger train.steps goes on")
    summary = online_summary(MetricsLog(settings.metrics))
    folder.write_summary(summary)
    return RunResult(folder.path, checkpoint, summary, is_interrupted=False)


def _train(inputs: Inputs, console: Console, *, gpus: int) -> Path:
    """Run OpenRLHF's program to its end, and return the last checkpoint."""
    settings = inputs.settings
    flags = online_flags(
        settings.config,
        model=inputs.model,
        run=settings.run,
        total_steps=settings.steps,
        max_len=inputs.longest,
        agent=AGENT,
        is_resumed=settings.first_step > 0,
    )
    log = settings.run / "openrlhf.log"
    console.note(f"OpenRLHF's own output goes to {log}")
    with (
        _logged(log),
        following(settings.metrics, console, settings.steps),
        ray_session(settings.to_json(), gpus=gpus, say=console.note),
        _installed(),
        _arguments(flags),
        _explained(settings.run),
    ):
        runpy.run_module(PROGRAM, run_name="__main__", alter_sys=True)
    return _seal(settings, Path(flags[flags.index("--ckpt.output_dir") + 1]))


def _begin(folder: RunFolder, inputs: Inputs) -> None:
    """Write the run's files, and put aside what a resumed run had stored behind its checkpoint.

    The store's lock is taken for this moment: it keeps a second process from a run that is alive.
    """
    settings = inputs.settings
    resume_step = settings.first_step - 1 if folder.is_resumed else None
    with RolloutStore.open(
        settings.rollouts,
        run_id=settings.run_id,
        writer=WRITER,
        resume_step=resume_step,
        keep_evaluation=folder.is_resumed,
        metadata=settings.provenance,
    ):
        folder.begin(settings.config)
        write_prompts(settings.prompts, inputs.prompts)
        if inputs.problems is not None:
            write_prompts(settings.eval_prompts, inputs.problems)
        if inputs.replay.batches and not (folder.is_resumed and settings.pin.exists()):
            write_pin(settings.pin, str(settings.config.replay.rollouts), inputs.replay.batches)
        MetricsLog(settings.metrics).keep_before(settings.first_step, and_evaluation=True)


def _seal(settings: Settings, saved: Path) -> Path:
    """Return the checkpoint that the saved model becomes: it can be evaluated and trained on like any other."""
    metrics = MetricsLog(settings.metrics)
    rows = [*metrics.read("replay"), *metrics.read("train")]
    made = max((row["step"] + 1 for row in rows), default=0)
    state = TrainState(
        step=made,
        updates=made * settings.config.updates_per_step,
        rollouts=sum(row["rollouts"] for row in rows),
        wall_s=sum(row.get("step_s") or 0.0 for row in rows),
    )
    weights = saved.with_name(".openrlhf.tmp")
    shutil.rmtree(weights, ignore_errors=True)
    saved.rename(weights)
    return seal_checkpoint(weights, state, keep=settings.config.checkpoint.keep)


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    """Put our parts under the names that OpenRLHF's program imports."""
    from openrlhf.trainer import ppo_trainer, ppo_trainer_async
    from openrlhf.trainer.ray import ppo_actor

    from twogrpo.openrlhf.actor import RemotePolicyActor
    from twogrpo.openrlhf.overlapping import RemoteAsyncTrainer
    from twogrpo.openrlhf.trainer import RemoteSyncTrainer

    taken = (
        (ppo_trainer, "PPOTrainer", RemoteSyncTrainer),
        (ppo_trainer_async, "PPOTrainerAsync", RemoteAsyncTrainer),
        (ppo_actor, "PolicyModelActor", RemotePolicyActor),
    )
    before = [getattr(module, name) for module, name, _ in taken]
    for module, name, ours in taken:
        setattr(module, name, ours)
    try:
        yield
    finally:
        for (module, name, _), theirs in zip(taken, before, strict=True):
            setattr(module, name, theirs)


@contextlib.contextmanager
def _arguments(flags: list[str]) -> Iterator[None]:
    """Let OpenRLHF's parser see its flags."""
    before = sys.argv
    sys.argv = [PROGRAM, *flags]
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Append what OpenRLHF prints, here and in its workers, to a file: a broadcast alone is hundreds of lines."""
    with path.open("a", buffering=1) as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        yield


@contextlib.contextmanager
def _explained(run: Path) -> Iterator[None]:
    """Say in one line what ended the run, and how to go on."""
    from ray.exceptions import RayError, RayTaskError

    go_on = f"go on with run_dir={run} --resume"
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {go_on}") from None
    except SystemExit as error:
        raise EngineError(f"OpenRLHF refused its flags; {run / 'openrlhf.log'} says which") from error
    except AssertionError as error:
        raise EngineError(f"OpenRLHF refused its settings: {error}") from error
    except RayTaskError as error:
        cause: BaseException = error
        while isinstance(cause, RayTaskError) and isinstance(cause.cause, BaseException):
            cause = cause.cause
        if isinstance(cause, TwoGrpoError):
            raise cause from error
        raise TrainingError(f"a worker failed with {_one_line(cause)}; {go_on}") from error
    except RayError as error:
        raise TrainingError(f"a worker died ({_one_line(error)}); {go_on}") from error


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
