"""DPO (Eq. 4) on the pairs of a rollout store: the stored token ids, and text only where no ids are stored.

The reference policy's logprobs are computed once and cached in the run folder. Left out on purpose: the stored
behaviour logprobs as a reference, which would be another objective for every rollout that a later policy sampled.
"""

import math
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twogrpo.config import DpoConfig
from twogrpo.objectives import dpo_loss
from twogrpo.pairs import BatchPlan, PairSpec, build_pairs, plan_batches
from twogrpo.store import RolloutStore
from twogrpo.train.evaluation import Evaluator
from twogrpo.train.interrupt import StopOnInterrupt
from twogrpo.train.pair_checks import check_pairs, check_run_dir, checked_store
from twogrpo.train.pair_data import PairData, load_pair_data
from twogrpo.train.pair_text import PairText
from twogrpo.train.reference import reference_logps
from twogrpo.train.schedule import learning_rate
from twogrpo.train.session import RunResult, Session, open_session, stepping
from twogrpo.train.summary import dpo_summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from twogrpo.monitor import Console

__all__ = ["pair_figures", "plan_epoch", "train_dpo"]

DEFAULT_MAX_NEW_TOKENS = 1024


@dataclass(frozen=True)
class _Run:
    """An open dpo run with what only it needs."""

    session: Session
    config: DpoConfig
    data: PairData
    reference_N2: "Tensor"
    steps_per_epoch: int
    total: int

    def plan(self, epoch: int) -> BatchPlan:
        """Return one pass over the pairs; a pure function of seed and epoch."""
        return plan_epoch(self.data, self.config, epoch)


def train_dpo(
    config: DpoConfig,
    rollouts: RolloutStore | str | Path,
    *,
    resume: bool = False,
    force: bool = False,
    console: "Console | None" = None,
) -> RunResult:
    """Train a policy on preference pairs built from stored rollouts.

    Args:
        config: The run; `DpoConfig.for_run` takes model and data over from the online run.
        rollouts: The store, or its folder or run folder.
        resume: Go on from the newest checkpoint, bit for bit as if the run had not stopped (CPU, equal threads).
        force: Replace an existing run.
        console: Where progress goes; stderr by default.

    Returns:
        The run's folder, newest checkpoint and summary.

    Raises:
        ConfigError, EngineError: What is asked for cannot be run, or would replace the run that has the rollouts.
        DataError: The store makes no pair, or its rollouts carry no token ids and no text, or other ids.
        StoreError: The store cannot be read, or is damaged.
        TrainingError: A gradient is not finite.
    """
    store = rollouts if isinstance(rollouts, RolloutStore) else RolloutStore.open(rollouts)
    check_run_dir(config, store)
    report = checked_store(store)
    data = load_pair_data(store, build_pairs(store, PairSpec(**config.pairs.model_dump())), PairText.of(config))
    session = open_session(config, default_dir="runs/dpo", backend="auto", resume=resume, force=force, console=console)
    with session.folder.restoring():
        check_pairs(data, report, config, tokenizer=session.tokenizer, model=session.learner.model)
    if data.tokenised:
        session.console.note(f"{data.tokenised:,} rollouts without token ids were tokenised from their text")
    with (
        session.folder.restoring(),
        session.open_store("w0") as answers,
        StopOnInterrupt() as stop,
        closing(session.console),
    ):
        evaluator = Evaluator.open(session, max_new_tokens=DEFAULT_MAX_NEW_TOKENS, store=answers)
        run = _open(session, config, data)
        session.console.note(f"run folder {session.folder.path}: {len(data)} pairs from {store.path}")
        session.take_up(run.total)
        _loop(run, evaluator, stop)
        checkpoint = session.save_last(flush=answers.flush)
    summary = dpo_summary(session, pairs=len(data))
    session.folder.write_summary(summary)
    return RunResult(session.folder.path, checkpoint, summary, stop.requested)


def _open(session: Session, config: DpoConfig, data: PairData) -> _Run:
    data.pin(session.folder.path / "pairs.parquet", is_resumed=session.folder.is_resumed)
    with stepping(session.state):
        reference_N2 = reference_logps(session, data, config.dpo.reference, config.train.token_budget)
    steps_per_epoch = plan_epoch(data, config, epoch=0).steps
    total = config.train.steps or math.ceil((config.train.epochs or 1) * steps_per_epoch)
    return _Run(session, config, data, reference_N2, steps_per_epoch, total)


def plan_epoch(data: PairData, config: DpoConfig, epoch: int) -> BatchPlan:
    """Return one pass over the pairs as optimizer steps of micro-batches; a pure function of seed and epoch."""
    # A pair is one item, so that its two logprobs meet in one forward pass.
    update = config.train.rollouts_per_update
    return plan_batches(
        data.items(),
        token_budget=config.train.token_budget,
        rollouts_per_step=None if update is None else update // 2,
        seed=config.seed,
        epoch=epoch,
    )


def _loop(run: _Run, evaluator: Evaluator, stop: StopOnInterrupt) -> None:
    session, state = run.session, run.session.state
    epoch, plan = -1, None
    while True:
        if stop.requested:
            return
        # The start is the online run's start, which that run has evaluated.
        if evaluator.is_due(run.total) and state.step > 0:
            evaluator.run()
        if state.step >= run.total:
            return
        with stepping(state):
            if plan is None or state.step // run.steps_per_epoch != epoch:
                epoch = state.step // run.steps_per_epoch
                plan = run.plan(epoch)
            metrics = _step(run, plan, state.step % run.steps_per_epoch)
        session.metrics.append(metrics)
        session.console.step(state.step, run.total, pair_figures(metrics), "dpo")
        if session.is_save_due(run.total):
            session.save()


def _step(run: _Run, plan: BatchPlan, index: int) -> dict[str, Any]:
    """Make one optimizer step and return its line of metrics."""
    session, state, train = run.session, run.session.state, run.config.train
    started = time.perf_counter()
    micro_batches = plan.micro_batches(index)
    pairs = sum(len(rows) for rows in micro_batches)
    session.learner.zero_gradients()
    sums: Counter[str] = Counter()
    for rows in micro_batches:
        sums.update(_accumulate(run, rows, pairs))
    rate = learning_rate(
        state.updates,
        peak=train.learning_rate,
        warmup_updates=train.warmup_steps,
        total_updates=run.total,
        schedule=train.schedule,
    )
    norm = session.learner.apply(rate, train.max_grad_norm, state.step)
    metrics = {
        "kind": "train",
        "step": state.step,
        "loss": sums["loss"],
        "accuracy": sums["correct_pairs"] / pairs,
        "margin": sums["margin_sum"] / pairs,
        "chosen_reward": sums["chosen_reward_sum"] / pairs,
        "rejected_reward": sums["rejected_reward_sum"] / pairs,
        "grad_norm": norm,
        "learning_rate": rate,
        "pairs": pairs,
        "train_s": time.perf_counter() - started,
    }
    state.step += 1
    state.updates += 1
    state.rollouts += 2 * pairs
    return metrics


def _accumulate(run: _Run, rows: "Sequence[int]", pairs: int) -> dict[str, float]:
    """Run forward and backward over one micro-batch of pairs, chosen rows before rejected ones."""
    prompt_ids, response_ids = run.data.sequences(rows)
    logps_BR, mask_BR = run.session.learner.logps(prompt_ids, response_ids)
    chosen_N, rejected_N = (logps_BR * mask_BR).sum(dim=1).chunk(2)
    reference_N2 = run.reference_N2[list(rows)].to(chosen_N)
    loss, metrics = dpo_loss(
        chosen_N,
        rejected_N,
        reference_N2[:, 0],
        reference_N2[:, 1],
        beta=run.config.dpo.beta,
        pairs=pairs,
        label_smoothing=run.config.dpo.label_smoothing,
    )
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return {"loss": float(loss.detach()), **{name: float(value) for name, value in metrics.items()}}


def pair_figures(metrics: dict[str, Any]) -> dict[str, str]:
    """Return what the console shows of a step."""
    return {
        "loss": f"{metrics['loss']:.4f}",
        "accuracy": f"{metrics['accuracy']:.2f}",
        "margin": f"{metrics['margin']:.2f}",
        "pairs": str(metrics["pairs"]),
        "train": f"{metrics['train_s']:.2f} s",
    }
