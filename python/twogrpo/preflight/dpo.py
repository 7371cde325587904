"""The preflight of a dpo run: everything that would stop it or surprise its user, in the order the run meets it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.config import DpoConfig
from twogrpo.config.origins import Setting
from twogrpo.models import load_outline
from twogrpo.pairs import PairSpec, build_pairs, pair_counts
from twogrpo.preflight.batches import warm_up_shown, warm_up_warnings
from twogrpo.preflight.disk import estimate_disk
from twogrpo.preflight.memory import ModelShape, Workload
from twogrpo.preflight.opening import Opening, add_disk, add_memory, find_evaluation, open_dry, width_of
from twogrpo.preflight.pairs import pairs_section
from twogrpo.preflight.report import Checks, Fact, Report, Section, counted
from twogrpo.store import RolloutStore
from twogrpo.train.dpo import DEFAULT_MAX_NEW_TOKENS, plan_epoch
from twogrpo.train.lengths import longest_prompt
from twogrpo.train.pair_checks import check_pairs, check_run_dir, checked_store
from twogrpo.train.pair_data import PairData, load_pair_data
from twogrpo.train.pair_text import PairText
from twogrpo.train.reference import START

if TYPE_CHECKING:
    from twogrpo.pairs import BatchPlan, PairCounts
    from twogrpo.preflight.problem_sets import ProblemSet
    from twogrpo.store import CheckReport

__all__ = ["preflight_dpo"]


def preflight_dpo(
    config: DpoConfig,
    rollouts: str | Path,
    *,
    settings: Sequence[Setting] = (),
    resume: bool = False,
    force: bool = False,
) -> Report:
    """Return what a dpo run would meet; nothing is written and no weights are loaded.

    Args:
        config: The run.
        rollouts: The store whose pairs are trained on.
        settings: Every key with its origin, where that is known.
        resume: As in `train_dpo`.
        force: Likewise.
    """
    if config.engine == "openrlhf":
        from twogrpo.preflight.dpo_openrlhf import preflight_dpo_openrlhf

        return preflight_dpo_openrlhf(config, rollouts, settings=settings, resume=resume, force=force)
    checks = Checks()
    pairs = checks.attempt("pairs", lambda: _find_pairs(config, rollouts))
    opening = open_dry(
        config, checks, settings=settings, default_dir="runs/dpo", backend="auto", resume=resume, force=force
    )
    if config.dpo.reference != START:
        label = f"dpo.reference={config.dpo.reference}"
        checks.attempt("reference", lambda: load_outline(config.dpo.reference, label=label))
    answer_tokens = config.eval.max_new_tokens or DEFAULT_MAX_NEW_TOKENS
    test = find_evaluation(config, opening, checks, max_new_tokens=answer_tokens)
    if pairs is not None:
        report, data, counts = pairs
        tokenizer, model = opening.model.tokenizer, opening.model.outline
        if tokenizer is not None and model is not None:
            checks.attempt("pairs", lambda: check_pairs(data, report, config, tokenizer=tokenizer, model=model))
        checks.add(pairs_section(data, counts, config))
        _look_at_batches(config, opening, data, test, checks)
    return checks.report("dpo")


def _find_pairs(config: DpoConfig, rollouts: str | Path) -> "tuple[CheckReport, PairData, PairCounts]":
    store = RolloutStore.open(rollouts)
    check_run_dir(config, store)
    report = checked_store(store)
    pairs = build_pairs(store, PairSpec(**config.pairs.model_dump()))
    return report, load_pair_data(store, pairs, PairText.of(config)), pair_counts(store)


def _look_at_batches(
    config: DpoConfig, opening: Opening, data: PairData, test: "ProblemSet | None", checks: Checks
) -> None:
    """Add the sections about batches, memory and disk."""
    if int(data.lengths_N2().sum(axis=1).max()) > config.train.token_budget:
        return
    plan = plan_epoch(data, config, 0)
    steps = config.train.steps or math.ceil((config.train.epochs or 1) * plan.steps)
    checks.add(_batches_section(config, data, plan, steps))
    answers = 0 if test is None else len(test.prompts) * (config.eval.samples + 1)
    answer_tokens = config.eval.max_new_tokens or DEFAULT_MAX_NEW_TOKENS
    longest = 0 if test is None else longest_prompt(test.prompts)
    add_memory(opening, _workload(config, opening, data, plan, (answers, longest, answer_tokens)), checks)
    if opening.model.outline is None:
        return
    kept, every = config.checkpoint.keep + 1, config.eval.every_steps
    estimate = estimate_disk(
        parameters=opening.trained or ModelShape.of(opening.model.outline).parameters,
        rollouts=0,
        answers=answers * (1 + (math.ceil(steps / every) - 1 if every else 0)),
        prompt_tokens=longest,
        response_tokens=0,
        answer_tokens=answer_tokens,
        logprob_dtype="float32",
        keep_text=True,
        checkpoints=kept,
    )
    add_disk(opening, estimate, kept, checks)


def _batches_section(config: DpoConfig, data: PairData, plan: "BatchPlan", steps: int) -> Section:
    last = sum(len(rows) for rows in plan.micro_batches(plan.steps - 1))
    full = (config.train.rollouts_per_update or 2 * len(data)) // 2
    partial = (
        f"the last update of an epoch has {counted(last, 'pair')}" if last < full else "none: every update is whole"
    )
    micro_batches = max(plan.denominators["micro_batches"].to_list())
    facts = (
        Fact("pairs_per_update", full, f"{full:,}"),
        Fact("updates_per_epoch", plan.steps, f"{plan.steps:,}"),
        Fact("steps", steps, f"{steps:,}, {steps / plan.steps:.3g} passes over {len(data):,} pairs"),
        Fact("partial_batch", last if last < full else 0, partial),
        Fact("warmup_updates", config.train.warmup_steps, warm_up_shown(config.train, steps)),
        Fact("micro_batches_at_most", micro_batches, f"{micro_batches:,} an update"),
    )
    return Section("batches", facts, tuple(warm_up_warnings(config.train, steps)))


def _workload(
    config: DpoConfig, opening: Opening, data: PairData, plan: "BatchPlan", evaluated: tuple[int, int, int]
) -> Workload:
    """Return the largest batches: of the first epoch's plan, and of an evaluation (answers, prompt, answer tokens)."""
    lengths_N = data.lengths_N2().sum(axis=1)
    response_lengths_N = data.response_lengths_B()[data.rows_N2].sum(axis=1)
    largest, responses = 0, 0
    for step in range(plan.steps):
        for pairs in map(list, plan.micro_batches(step)):
            largest = max(largest, int(lengths_N[pairs].sum()))
            responses = max(responses, int(response_lengths_N[pairs].sum()))
    answers, prompt_tokens, answer_tokens = evaluated
    return Workload(
        width=width_of(config),
        has_sampler_copy=opening.sampler == "builtin",
        gradient_checkpointing=config.model.gradient_checkpointing,
        micro_batch_tokens=largest,
        micro_batch_responses=responses,
        rows=answers,
        row_tokens=prompt_tokens + answer_tokens if answers else 0,
        prompt_tokens=prompt_tokens,
        is_on_cpu=opening.device is not None and opening.device.type == "cpu",
        trained=opening.trained,
        has_reference=config.dpo.reference != START,
    )
