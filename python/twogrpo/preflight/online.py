"""The preflight of an online run: everything that would stop it or surprise its user, in the order the run meets it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

from twogrpo.config import OnlineConfig
from twogrpo.config.origins import Setting
from twogrpo.preflight.batches import OnlineBatches, batches_section, online_batches
from twogrpo.preflight.disk import estimate_disk
from twogrpo.preflight.memory import ModelShape, Workload
from twogrpo.preflight.opening import Opening, add_disk, add_memory, find_evaluation, open_dry, width_of
from twogrpo.preflight.problem_sets import ProblemSet
from twogrpo.preflight.replay import look_at_replay
from twogrpo.preflight.report import Checks, Report
from twogrpo.preflight.training_data import find_training_problems, look_at_prompts
from twogrpo.train.lengths import check_budget, longest_prompt
from twogrpo.train.replay import Replay

__all__ = ["Beside", "online_workload", "preflight_online"]


def preflight_online(
    config: OnlineConfig, *, settings: Sequence[Setting] = (), resume: bool = False, force: bool = False
) -> Report:
    """Return what an online run would meet; nothing is written, no weights are loaded and nothing is sampled.

    Of a hub id, tokenizer and configuration are downloaded. A reward function is imported and called twice.

    Args:
        config: The run.
        settings: Every key with its origin, where that is known.
        resume: As in `train_online`.
        force: Likewise.
    """
    if config.engine == "openrlhf":
        from twogrpo.preflight.online_openrlhf import preflight_online_openrlhf

        return preflight_online_openrlhf(config, settings=settings, resume=resume, force=force)
    checks = Checks()
    opening = open_dry(
        config,
        checks,
        settings=settings,
        default_dir="runs/online",
        backend=config.rollout.backend,
        resume=resume,
        force=force,
    )
    replay = look_at_replay(config, opening, checks)
    train = find_training_problems(config, opening, checks)
    answer_tokens = config.eval.max_new_tokens or config.rollout.max_new_tokens
    test = find_evaluation(
        config, opening, checks, max_new_tokens=answer_tokens, trained_on=() if train is None else train.prompts
    )
    if train is not None:
        look_at_prompts(config, opening, train, checks)
        evaluated = 0 if test is None else len(test.prompts)
        _look_at_batches(config, opening, train, Beside(evaluated, replay), checks)
    return checks.report("online")


@dataclass(frozen=True)
class Beside:
    """What the run works on beside its own rollouts: problems of the evaluation, and stored batches."""

    evaluated: int = 0
    replay: Replay = field(default_factory=Replay)


def _look_at_batches(config: OnlineConfig, opening: Opening, train: ProblemSet, beside: Beside, checks: Checks) -> None:
    """Add the sections about batches, memory and disk."""
    prompt_tokens, new_tokens = longest_prompt(train.prompts), config.rollout.max_new_tokens
    before = len(checks.problems)
    checks.attempt(
        "batches",
        lambda: check_budget(train.prompts, max_new_tokens=new_tokens, token_budget=config.train.token_budget),
    )
    if len(checks.problems) > before:
        return
    found = online_batches(config, prompts=len(train.prompts), longest_prompt=prompt_tokens, replay=beside.replay)
    checks.add(batches_section(found, config))
    add_memory(opening, online_workload(config, opening, found, prompt_tokens, beside), checks)
    if opening.model.outline is None:
        return
    kept = config.checkpoint.keep + 1
    estimate = estimate_disk(
        parameters=opening.trained or ModelShape.of(opening.model.outline).parameters,
        rollouts=found.rollouts,
        answers=_evaluations(config, found.steps) * beside.evaluated * (config.eval.samples + 1),
        prompt_tokens=mean(len(prompt.token_ids) for prompt in train.prompts),
        response_tokens=new_tokens,
        answer_tokens=config.eval.max_new_tokens or new_tokens,
        logprob_dtype=config.store.logprob_dtype,
        keep_text=config.store.keep_text,
        checkpoints=kept,
    )
    add_disk(opening, estimate, kept, checks)


def online_workload(
    config: OnlineConfig, opening: Opening, found: OnlineBatches, prompt_tokens: int, beside: Beside
) -> Workload:
    """Return the largest batches of a run, whose memory is estimated.

    Args:
        config: The run.
        opening: What is open; its sampler, device and adapter count.
        found: The batches.
        prompt_tokens: Of the longest prompt.
        beside: What else is worked on.
    """
    rows, evaluated = found.micro_batch_rows, beside.evaluated
    # A replayed batch is packed under the same budget, but its rollouts may be longer or more.
    stored = max((min(batch.tokens, config.train.token_budget) for batch in beside.replay.batches), default=0)
    answer_tokens = config.eval.max_new_tokens or config.rollout.max_new_tokens
    return Workload(
        width=width_of(config),
        has_sampler_copy=opening.sampler == "builtin",
        gradient_checkpointing=config.model.gradient_checkpointing,
        micro_batch_tokens=max(stored, rows * found.longest),
        micro_batch_responses=max(stored, rows * found.max_new_tokens),
        rows=max(found.rollouts_per_step, evaluated * config.eval.samples),
        row_tokens=prompt_tokens + max(found.max_new_tokens, answer_tokens if evaluated else 0),
        prompt_tokens=prompt_tokens,
        is_on_cpu=opening.device is not None and opening.device.type == "cpu",
        trained=opening.trained,
    )


def _evaluations(config: OnlineConfig, steps: int) -> int:
    """Return how often the run is evaluated: at the start, at the end, and every so many steps between."""
    every = config.eval.every_steps
    return 2 + (math.ceil(steps / every) - 1 if every else 0)
