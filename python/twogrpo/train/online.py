"""Online 2-GRPO: draw, generate, verify, store, update, and again.

GRPO of any group size by the paper's Eq. 5 and 6 (arXiv:2510.00977). Left out on purpose: several devices (that is
OpenRLHF's work), and any signal between the policy and the store but the `flush()` before a checkpoint.
"""

import math
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twogrpo.config import OnlineConfig
from twogrpo.errors import TrainingError
from twogrpo.generate import SamplingParams
from twogrpo.prompts import PromptOrder, PromptSet, draw
from twogrpo.store import RolloutStore
from twogrpo.train.collect import collect, rollout_table, sampling_params
from twogrpo.train.evaluation import Evaluator, load_prompts
from twogrpo.train.guard import FailureGuard
from twogrpo.train.interrupt import StopOnInterrupt
from twogrpo.train.lengths import check_budget, check_positions
from twogrpo.train.policy_step import policy_step
from twogrpo.train.replay import Replay, replay_figures, replay_step
from twogrpo.train.replay_opening import open_replay, open_source
from twogrpo.train.session import RunResult, Session, open_session, stepping
from twogrpo.train.statistics import batch_statistics, step_figures
from twogrpo.train.summary import online_summary

if TYPE_CHECKING:
    from twogrpo.monitor import Console

__all__ = ["train_online"]

# Sampling seeds of different steps and run seeds never meet within a run of fewer steps than this.
SEED_STRIDE = 1_000_003


@dataclass(frozen=True)
class _Run:
    """An open online run with what only it needs."""

    session: Session
    config: OnlineConfig
    prompts: PromptSet
    order: PromptOrder
    params: SamplingParams
    store: RolloutStore
    guard: FailureGuard
    replay: Replay
    total: int

    @property
    def updates(self) -> int:
        """Optimizer steps of the whole run."""
        return self.replay.updates(self.config, self.total)


def train_online(
    config: OnlineConfig, *, resume: bool = False, force: bool = False, console: "Console | None" = None
) -> RunResult:
    """Train a policy on its own verified rollouts and store every one of them.

    With `replay.rollouts` the first steps train on stored rollouts instead, which are recorded as phase `replay`.

    Args:
        config: The run; see `twogrpo config show`.
        resume: Go on from the newest checkpoint, bit for bit as if the run had not stopped (CPU, equal threads).
        force: Replace an existing run.
        console: Where progress goes; stderr by default.

    Returns:
        The run's folder, newest checkpoint and summary.

    Raises:
        ConfigError, DataError, EngineError: What is asked for cannot be run.
        StoreError: The store cannot be written, or that of the replayed rollouts cannot be read.
        TrainingError: Too many rewards failed, or a gradient is not finite.
    """
    if not resume:
        # Before --force could set the run aside that the rollouts are from.
        open_source(config)
    session = open_session(
        config,
        default_dir="runs/online",
        backend=config.rollout.backend,
        resume=resume,
        force=force,
        console=console,
    )
    if sampling_params(config).is_truncated:
        session.console.note(
            "rollouts are sampled from a distribution truncated by rollout.top_p, top_k or min_p; "
            "the policy ratio is taken against the untruncated policy of each step"
        )
    logprob_dtype = config.store.logprob_dtype
    with (
        session.folder.restoring(),
        session.open_store("w0", logprob_dtype=logprob_dtype) as store,
        StopOnInterrupt() as stop,
        closing(session.console),
    ):
        run = _open(session, config, store, open_replay(session, config))
        evaluator = Evaluator.open(
            session,
            max_new_tokens=config.rollout.max_new_tokens,
            store=store,
            keep_text=config.store.keep_text,
        )
        session.console.note(f"run folder {session.folder.path}")
        if session.state.step < len(run.replay):
            steps = min(run.total, len(run.replay))
            session.console.note(f"steps 1 to {steps} replay rollouts of {config.replay.rollouts}")
        session.take_up(run.total)
        run.guard.refill((row["failed_rewards"], row["rollouts"]) for row in session.metrics.read("train"))
        _loop(run, evaluator, stop)
        checkpoint = session.save_last(flush=store.flush)
    summary = online_summary(session)
    session.folder.write_summary(summary)
    return RunResult(session.folder.path, checkpoint, summary, stop.requested)


def _open(session: Session, config: OnlineConfig, store: RolloutStore, replay: Replay) -> _Run:
    prompts = load_prompts(session.sources.data or "", session.tokenizer, config)
    new_tokens = config.rollout.max_new_tokens
    check_budget(prompts.prompts, max_new_tokens=new_tokens, token_budget=config.train.token_budget)
    check_positions(
        prompts.prompts,
        path=session.sources.data or "",
        key="rollout.max_new_tokens",
        max_new_tokens=new_tokens,
        positions=getattr(session.learner.model.config, "max_position_embeddings", None),
    )
    passes = config.train.epochs or 1
    own = math.ceil(passes * len(prompts) / config.rollout.prompts_per_step)
    return _Run(
        session=session,
        config=config,
        prompts=prompts,
        order=PromptOrder(len(prompts), config.seed),
        params=sampling_params(config),
        store=store,
        guard=FailureGuard(config.reward.max_failed_share),
        replay=replay,
        total=config.train.steps or len(replay) + own,
    )


def _loop(run: _Run, evaluator: Evaluator, stop: StopOnInterrupt) -> None:
    session, state = run.session, run.session.state
    while True:
        if stop.requested:
            return
        if evaluator.is_due(run.total):
            evaluator.run()
        if state.step >= run.total:
            return
        is_replayed = state.step < len(run.replay)
        with stepping(state):
            metrics = _replayed(run) if is_replayed else _step(run)
        session.metrics.append(metrics)
        figures, title = (replay_figures, "replay") if is_replayed else (step_figures, "online")
        session.console.step(state.step, run.total, figures(metrics), title)
        if session.is_save_due(run.total):
            run.store.flush()
            session.save()


def _replayed(run: _Run) -> dict[str, Any]:
    return replay_step(run.session, run.store, run.replay, run.config, run.updates)


def _step(run: _Run) -> dict[str, Any]:
    """Collect one batch, store it, train on it, and return its line of metrics."""
    session, state, config = run.session, run.session.state, run.config
    session.generator.sync()
    seed = config.seed * SEED_STRIDE + state.step
    batch = collect(
        draw(run.prompts, run.order, state.cursor, config.rollout.prompts_per_step),
        config,
        generator=session.generator,
        tokenizer=session.tokenizer,
        reward=session.reward,
        params=run.params,
        seed=seed,
    )
    facts = {
        "model_id": Path(config.model.path).name if Path(config.model.path).exists() else config.model.path,
        "policy_version": state.updates,
        "policy_version_max": state.updates,
        "generator": session.generator.name,
        "dtype": config.model.dtype,
        "seed": seed,
    }
    run.store.append(rollout_table(batch, run.params, facts, keep_text=config.store.keep_text), step=state.step)
    try:
        run.guard.check(batch.scores.rewards, batch.scores.status, batch.scores.error)
    except TrainingError:
        # Nothing has been learned from this batch: the steps before it are kept.
        session.save_last(flush=run.store.flush)
        raise
    started = time.perf_counter()
    trained = policy_step(session.learner, batch, config, state, run.updates)
    metrics = {"kind": "train", "step": state.step, **batch_statistics(batch), **trained}
    metrics["train_s"] = time.perf_counter() - started
    state.step += 1
    state.cursor += config.rollout.prompts_per_step
    state.rollouts += len(batch.responses)
    return metrics
