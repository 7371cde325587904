"""The preflight of an online run: everything that would stop it or surprise its user, in the order the run meets it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from twogrpo.config import OnlineConfig
from twogrpo.config.origins import Setting
from twogrpo.preflight.batches import OnlineBatches, batches_section, online_batches
from twogrpo.preflight.disk import estimate_disk
from twogrpo.preflight.golds import function_section, golds_section, lint_problems, try_function
from twogrpo.preflight.memory import ModelShape, Workload
from twogrpo.preflight.opening import (
    Opening,
    add_disk,
    add_memory,
    check_fits,
    find_evaluation,
    find_problems,
    open_dry,
    width_of,
)
from twogrpo.preflight.problem_sets import ProblemSet, problems_section
from twogrpo.preflight.prompt import prompt_section
from twogrpo.preflight.replay import look_at_replay
from twogrpo.preflight.report import Checks, Report
from twogrpo.train.lengths import check_budget, longest_prompt
from twogrpo.train.replay import Replay

__all__ = ["preflight_online"]


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
    train = _training_problems(config, opening, checks)
    answer_tokens = config.eval.max_new_tokens or config.rollout.max_new_tokens
    test = find_evaluation(
        config, opening, checks, max_new_tokens=answer_tokens, trained_on=() if train is None else train.prompts
    )
    if train is not None:
        _look_at_prompts(config, opening, train, checks)
        evaluated = 0 if test is None else len(test.prompts)
        _look_at_batches(config, opening, train, _Beside(evaluated, replay), checks)
    return checks.report("online")


def _training_problems(config: OnlineConfig, opening: Opening, checks: Checks) -> ProblemSet | None:
    found = find_problems("data", config.data.path or "", config, opening, checks, split="train")
    if found is not None:
        key, tokens = "rollout.max_new_tokens", config.rollout.max_new_tokens
        check_fits("data", found, opening, checks, key=key, max_new_tokens=tokens)
        checks.add(problems_section("data", found))
    return found


def _look_at_prompts(config: OnlineConfig, opening: Opening, train: ProblemSet, checks: Checks) -> None:
    """Add the sections about one prompt and about the reward."""
    model, reward = opening.model, opening.reward
    if model.tokenizer is not None and model.outline is not None:
        checks.add(prompt_section(train.prompts[0], config.data, model.tokenizer, model.outline))
    if config.reward.function is None:
        lint = checks.attempt("reward", lambda: lint_problems(train, config.reward.profile))
        if lint is not None:
            checks.add(golds_section(train, lint, config.reward))
    elif reward is not None:
        checks.add(function_section(reward.name, checks.attempt("reward", lambda: try_function(reward, train))))


@dataclass(frozen=True)
class _Beside:
    """What the run works on beside its own rollouts: problems of the evaluation, and stored batches."""

    evaluated: int
    replay: Replay


def _look_at_batches(
    config: OnlineConfig, opening: Opening, train: ProblemSet, beside: _Beside, checks: Checks
) -> None:
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
    add_memory(opening, _workload(config, opening, found, prompt_tokens, beside), checks)
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


def _workload(
    config: OnlineConfig, opening: Opening, found: OnlineBatches, prompt_tokens: int, beside: _Beside
) -> Workload:
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
