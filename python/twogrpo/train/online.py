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
from twogrpo.train.collect import RolloutBatch, collect, rollout_table, sampling_params
from twogrpo.train.evaluation import Evaluator, load_prompts
from twogrpo.train.guard import FailureGuard
from twogrpo.train.interrupt import StopOnInterrupt
from twogrpo.train.lengths import check_budget, check_positions
from twogrpo.train.policy_step import policy_step
from twogrpo.train.session import RunResult, Session, open_session, stepping
from twogrpo.train.summary import online_summary

if TYPE_CHECKING:
    from twogrpo.monitor import Console

__all__ = ["train_online"]

# Sampling seeds of different steps and run seeds never meet within a run of fewer steps than this.
SEED_STRIDE = 1_000_003

# From here on hundredths of a second say nothing, and would not fit the line.
_LONG_S = 10.0


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
    total: int


def train_online(
    config: OnlineConfig, *, resume: bool = False, force: bool = False, console: "Console | None" = None
) -> RunResult:
    """Train a policy on its own verified rollouts and store every one of them.

    Args:
        config: The run; see `twogrpo config show`.
        resume: Go on from the newest checkpoint, bit for bit as if the run had not stopped (CPU, equal threads).
        force: Replace an existing run.
        console: Where progress goes; stderr by default.

    Returns:
        The run's folder, newest checkpoint and summary.

    Raises:
        ConfigError, DataError, EngineError: What is asked for cannot be run.
        StoreError: The store cannot be written.
        TrainingError: Too many rewards failed, or a gradient is not finite.
    """
    session = open_session(
        config,
        default_dir="runs/online",
        backend=config.rollout.backend,
        resume=resume,
        force=force,
        console=console,
    )
    session.console.note(f"run folder {session.folder.path}")
    if sampling_params(config).is_truncated:
        session.console.note(
            "rollouts are sampled from a distribution truncated by rollout.top_p, top_k or min_p; "
            "the policy ratio is taken against the untruncated policy of each step"
        )
    logprob_dtype = config.store.logprob_dtype
    with (
        session.folder.replacing(),
        session.open_store("w0", logprob_dtype=logprob_dtype) as store,
        StopOnInterrupt() as stop,
        closing(session.console),
    ):
        run = _open(session, config, store)
        evaluator = Evaluator.open(
            session,
            max_new_tokens=config.rollout.max_new_tokens,
            store=store,
            keep_text=config.store.keep_text,
        )
        session.take_up(run.total)
        run.guard.refill((row["failed_rewards"], row["rollouts"]) for row in session.metrics.read("train"))
        _loop(run, evaluator, stop)
        checkpoint = session.save_last(flush=store.flush)
    summary = online_summary(session)
    session.folder.write_summary(summary)
    return RunResult(session.folder.path, checkpoint, summary, stop.requested)


def _open(session: Session, config: OnlineConfig, store: RolloutStore) -> _Run:
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
    steps = config.train.steps or math.ceil(passes * len(prompts) / config.rollout.prompts_per_step)
    return _Run(
        session=session,
        config=config,
        prompts=prompts,
        order=PromptOrder(len(prompts), config.seed),
        params=sampling_params(config),
        store=store,
        guard=FailureGuard(config.reward.max_failed_share),
        total=steps,
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
        with stepping(state):
            metrics = _step(run)
        session.metrics.append(metrics)
        session.console.step(state.step, run.total, _figures(metrics), "online")
        if session.is_save_due(run.total):
            run.store.flush()
            session.save()


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
    trained = policy_step(session.learner, batch, config, state, run.total * config.updates_per_step)
    metrics = {"kind": "train", "step": state.step, **_statistics(batch), **trained}
    metrics["train_s"] = time.perf_counter() - started
    state.step += 1
    state.cursor += config.rollout.prompts_per_step
    state.rollouts += len(batch.responses)
    return metrics


def _statistics(batch: RolloutBatch) -> dict[str, Any]:
    """Return what the rollouts say, tied and inert ones included."""
    lengths = [len(ids) for ids in batch.generation.response_ids]
    logprobs = [float(value) for row in batch.generation.logprobs for value in row]
    groups, rollouts = len(batch.draws), len(lengths)
    is_cut = [reason == "length" for reason in batch.generation.finish_reasons]
    decided = int(batch.is_decided_P.sum())
    return {
        "reward": float(batch.rewards_PG.double().mean()),
        "tied_share": int(batch.is_tied_P.sum()) / groups,
        "inert_share": int(batch.is_inert_P.sum()) / groups,
        "decided_groups": decided,
        "failed_rewards": sum(value is None for value in batch.scores.rewards),
        "cut_share": sum(is_cut) / rollouts,
        "response_tokens_mean": sum(lengths) / rollouts,
        "response_tokens_max": max(lengths),
        "entropy_estimate": -sum(logprobs) / max(1, len(logprobs)),
        "rollouts": rollouts,
        "generated_tokens": sum(lengths),
        "generate_s": batch.generate_s,
        "verify_s": batch.verify_s,
    }


def _figures(metrics: dict[str, Any]) -> dict[str, str]:
    """Return what a person wants to see of a step; one line of 80 columns."""
    rate = metrics["generated_tokens"] / max(1e-9, metrics["generate_s"])
    return {
        "reward": f"{metrics['reward']:.3f}",
        "ties": f"{metrics['tied_share']:.2f}",
        "pairs": str(metrics["decided_groups"]),
        "len": f"{metrics['response_tokens_mean']:.0f}",
        "tok/s": f"{rate / 1000:.1f}k",
        "gen/train": f"{_seconds(metrics['generate_s'])}/{_seconds(metrics['train_s'])} s",
    }


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < _LONG_S else f"{seconds:.0f}"
