"""What an online run and a dpo run have in common: opening, evaluating, saving and summing up."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
import transformers
from pydantic import BaseModel

from twogrpo.adapters import add_adapter
from twogrpo.config import RunConfig
from twogrpo.errors import ConfigError
from twogrpo.generate import make_generator, stop_ids
from twogrpo.models import compute_dtype, load_policy, load_tokenizer, select_device, set_threads
from twogrpo.monitor import Console, MetricsLog
from twogrpo.rewards import Reward, load_reward
from twogrpo.store import RolloutStore
from twogrpo.train.checkpoint import (
    TrainState,
    latest_checkpoint,
    load_optimizer,
    load_state,
    load_weights,
    save_checkpoint,
)
from twogrpo.train.folder_state import changes_shown
from twogrpo.train.learner import Learner
from twogrpo.train.optimizer import make_optimizer
from twogrpo.train.own_evaluation import OwnEvaluation, find_own_evaluation
from twogrpo.train.run_folder import RunFolder, open_run_folder
from twogrpo.train.sources import Sources, find_sources

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from twogrpo.generate import Generator

__all__ = ["RunResult", "Session", "open_session", "stepping"]


@dataclass(frozen=True)
class RunResult:
    """What a finished or interrupted run leaves.

    Attributes:
        path: The run folder.
        checkpoint: The newest checkpoint, a Hugging Face folder.
        summary: What summary.json holds.
        is_interrupted: Ctrl-C ended it; `resume` goes on.
    """

    path: Path
    checkpoint: Path
    summary: dict[str, Any]
    is_interrupted: bool


@dataclass(frozen=True)
class Session:
    """An open run."""

    folder: RunFolder
    config: RunConfig
    sources: Sources
    learner: Learner
    tokenizer: "PreTrainedTokenizerBase"
    generator: "Generator"
    reward: Reward
    state: TrainState
    metrics: MetricsLog
    console: Console
    own_evaluation: OwnEvaluation | None = None

    def save(self) -> Path:
        """Write a checkpoint of this moment."""
        return save_checkpoint(
            self.folder.checkpoints,
            self.state,
            model=self.learner.model,
            tokenizer=self.tokenizer,
            optimizer=self.learner.optimizer,
            keep=self.config.checkpoint.keep,
        )

    def save_last(self, flush: Callable[[], None]) -> Path:
        """Return the checkpoint of this moment, written if it is not there yet.

        Args:
            flush: Waits for the rollouts to be stored: no checkpoint may refer to rollouts that are not.
        """
        newest = latest_checkpoint(self.folder.checkpoints)
        if newest is not None and load_state(newest).step == self.state.step:
            return newest
        flush()
        return self.save()

    def open_store(self, writer: str, *, logprob_dtype: Literal["float32", "float16"] = "float32") -> RolloutStore:
        """Return the run's store, open for one writer.

        What a resumed run had stored after its checkpoint is moved aside, but for the evaluation of the checkpoint.
        """
        return RolloutStore.open(
            self.folder.rollouts,
            run_id=self.folder.run_id,
            writer=writer,
            resume_step=self.state.step - 1 if self.folder.is_resumed else None,
            keep_evaluation=self._keeps_evaluation,
            metadata=provenance(self.config, self.tokenizer),
            logprob_dtype=logprob_dtype,
        )

    def take_up(self, total: int) -> None:
        """Write the run's configuration and cut a resumed run's metrics back to its checkpoint.

        Args:
            total: Steps of the whole run; one that has made them already is said to have nothing left.

        Called with the store open for writing: its lock keeps a second process from a run that is alive.
        """
        self.folder.begin(self.config)
        if self.folder.is_resumed:
            self.metrics.keep_before(self.state.step, and_evaluation=self._keeps_evaluation)
            changes = self.folder.changes
            self.console.note(f"resuming {self.folder.path} after step {self.state.step}{' with' if changes else ''}")
            for line in changes_shown(changes, self.config.train.schedule):
                self.console.note(line)
            if self.state.step >= total:
                self.console.note(f"all of its {total} steps are made; a larger train.steps goes on")

    @property
    def _keeps_evaluation(self) -> bool:
        return self.own_evaluation is not None and self.own_evaluation.is_current

    def is_save_due(self, total: int) -> bool:
        """Return whether this step ends with a checkpoint."""
        every = self.config.checkpoint.every_steps
        return self.state.step == total or (every > 0 and self.state.step % every == 0)


def open_session(
    config: RunConfig, *, default_dir: str, backend: str, resume: bool, force: bool, console: Console | None
) -> Session:
    """Return an open run: folder made or taken up, model and optimizer loaded from the newest checkpoint if resumed.

    Raises:
        ConfigError, DataError, EngineError: As said by what is opened; nothing is overwritten.
    """
    if config.engine != "local":
        raise ConfigError(
            f"engine={config.engine} is not the engine of this function; call train_online_openrlhf of "
            "twogrpo.openrlhf.online or train_dpo_openrlhf of twogrpo.openrlhf.dpo, as the command line does"
        )
    # The run prints its own progress.
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = select_device(config.model.device)
    set_threads(config.train.threads)
    console = console if console is not None else Console(every_steps=config.log.every_steps)
    folder = open_run_folder(config, default=default_dir, resume=resume, force=force)
    if folder.replaced is not None:
        console.note(f"the run that was here waits in {folder.replaced} and comes back if this one is refused")
    if resume and not folder.is_resumed:
        console.note(f"{folder.path} holds no run to resume: a new one begins")
    with folder.restoring():
        return _session(config, folder, device, backend, console)


def _session(config: RunConfig, folder: RunFolder, device: torch.device, backend: str, console: Console) -> Session:
    """Return the run of a folder, with everything that it needs loaded."""
    sources = find_sources(config, folder, console)
    checkpoint = latest_checkpoint(folder.checkpoints) if folder.is_resumed else None
    tokenizer = load_tokenizer(sources.model)
    model = _policy(config, sources.model, checkpoint, device)
    optimizer = make_optimizer(model, config.train)
    state = TrainState()
    if checkpoint is not None:
        state = load_state(checkpoint)
        load_optimizer(optimizer, checkpoint, device)
    dtype = compute_dtype(config.model)
    metrics = MetricsLog(folder.metrics)
    return Session(
        folder=folder,
        config=config,
        sources=sources,
        learner=Learner(model, optimizer, device, dtype, pad_id=_pad_id(tokenizer, model)),
        tokenizer=tokenizer,
        generator=make_generator(model, tokenizer, backend=backend, dtype=dtype),
        reward=load_reward(config.reward.function, config.reward.profile, config.reward.extract),
        state=state,
        metrics=metrics,
        console=console,
        own_evaluation=find_own_evaluation(folder, metrics, config, state.step),
    )


def _policy(config: RunConfig, start: str, checkpoint: Path | None, device: torch.device) -> "PreTrainedModel":
    """Return the policy of the newest checkpoint, or the one that training starts from."""
    section = config.model
    saves_memory, lora = section.gradient_checkpointing, section.lora
    # Weights that no optimizer steps on lose nothing by being narrow.
    dtype = compute_dtype(section) if lora.rank else torch.float32
    if checkpoint is not None:
        base = start if lora.rank else None
        return load_weights(checkpoint, device=device, gradient_checkpointing=saves_memory, base=base, base_dtype=dtype)
    model = load_policy(start, device=device, gradient_checkpointing=saves_memory, dtype=dtype)
    if not lora.rank:
        return model
    return add_adapter(model, rank=lora.rank, alpha=lora.alpha, targets=lora.targets, seed=config.seed)


@contextmanager
def stepping(state: TrainState) -> Iterator[Callable[[], float]]:
    """Add the CPU and wall time of what runs inside to the run's own; yields a clock of wall seconds so far."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield lambda: time.perf_counter() - wall
    state.cpu_s += time.process_time() - cpu
    state.wall_s += time.perf_counter() - wall


def provenance(config: BaseModel, tokenizer: "PreTrainedTokenizerBase") -> dict[str, str]:
    """Return hashes that tell which configuration, tokenizer and chat template a segment was made with."""
    texts = {
        # Without the folder, which a run may be moved out of.
        "config_hash": config.model_dump_json(exclude={"run_dir"}),
        "tokenizer_hash": json.dumps(tokenizer.get_vocab(), sort_keys=True),
        "template_hash": str(tokenizer.chat_template),
    }
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def _pad_id(tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel") -> int:
    # Padding is masked everywhere, so any id serves a tokenizer that has none.
    if tokenizer.pad_token_id is not None:
        return int(tokenizer.pad_token_id)
    return min(stop_ids(model, tokenizer), default=0)
