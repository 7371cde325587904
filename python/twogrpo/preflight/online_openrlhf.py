"""The preflight of an online run on OpenRLHF: what would stop it, what it takes, and OpenRLHF's command line."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from twogrpo.config import OnlineConfig
from twogrpo.config.embedded import TINY
from twogrpo.config.origins import Setting
from twogrpo.openrlhf.cluster import check_address
from twogrpo.openrlhf.dpo_checkpoints import newest_step
from twogrpo.openrlhf.flags import check_online, online_flags
from twogrpo.openrlhf.gpus import gpus_of, visible_gpus
from twogrpo.openrlhf.online import AGENT, PROGRAM
from twogrpo.openrlhf.versions import check_versions
from twogrpo.preflight.batches import OnlineBatches, batches_section, online_batches
from twogrpo.preflight.disk import DiskEstimate, estimate_disk
from twogrpo.preflight.folder import folder_section, look_at_folder
from twogrpo.preflight.memory import ModelShape
from twogrpo.preflight.model import find_model, model_section
from twogrpo.preflight.opening import Opening, add_disk, find_evaluation
from twogrpo.preflight.openrlhf import checkpoint_bytes, command_section, division_facts, packages_section
from twogrpo.preflight.problem_sets import ProblemSet
from twogrpo.preflight.replay import look_at_replay
from twogrpo.preflight.report import Checks, Fact, Report, Section, counted
from twogrpo.preflight.settings import settings_section
from twogrpo.preflight.training_data import find_training_problems, look_at_prompts
from twogrpo.rewards import load_reward
from twogrpo.train.lengths import longest_prompt

if TYPE_CHECKING:
    from twogrpo.train.folder_state import FolderState
    from twogrpo.train.replay import Replay

__all__ = ["preflight_online_openrlhf"]

MODES = {
    "sync": "generates and trains in turns, on GPUs of their own",
    "async": "generates and trains at the same time; rollouts are a version old or two",
    "colocated": "generates and trains in turns on the same GPUs",
}


def preflight_online_openrlhf(
    config: OnlineConfig, *, settings: Sequence[Setting] = (), resume: bool = False, force: bool = False
) -> Report:
    """Return what an online run on OpenRLHF would meet on this machine; nothing is written and nothing is started.

    Args:
        config: The run.
        settings: Every key with its origin, where that is known.
        resume: As in `train_online_openrlhf`.
        force: Likewise.
    """
    checks = Checks()
    if settings:
        checks.add(settings_section(settings))
    extra = checks.attempt("keys", lambda: check_online(config))
    checks.attempt("packages", check_versions)
    checks.attempt("gpus", check_address)
    checks.add(packages_section())
    opening = _open(config, checks, resume=resume, force=force)
    train = find_training_problems(config, opening, checks)
    trained_on = () if train is None else train.prompts
    answer_tokens = config.rollout.max_new_tokens
    test = find_evaluation(config, opening, checks, max_new_tokens=answer_tokens, trained_on=trained_on)
    replay = look_at_replay(config, opening, checks, made=_made(opening))
    if train is not None:
        look_at_prompts(config, opening, train, checks)
    if extra is not None:
        checks.add(_gpus_section(config, extra))
        if train is not None:
            _look_at_work(config, opening, _Work(train, test, replay, extra), checks)
    return checks.report("online")


@dataclass(frozen=True)
class _Work:
    """What the run works on: problems, those of the evaluation, stored batches, and the words of `openrlhf.extra`."""

    train: ProblemSet
    test: ProblemSet | None
    replay: "Replay"
    extra: list[str]

    @property
    def longest_prompt(self) -> int:
        """Tokens of the longest prompt, the evaluation's too."""
        return max(longest_prompt(each.prompts) for each in (self.train, self.test) if each is not None)


def _open(config: OnlineConfig, checks: Checks, *, resume: bool, force: bool) -> Opening:
    """Return folder, model and reward, and add the sections about them; devices are Ray's."""
    state = checks.attempt(
        "run folder", lambda: look_at_folder(config, default="runs/online", resume=resume, force=force)
    )
    if state is not None:
        checks.add(folder_section(state, config.train.schedule, resume=resume))
    model = find_model(config.model.path, config.seed, checks)
    checks.add(model_section(config, model, None, None))
    section = config.reward
    reward = checks.attempt("reward", lambda: load_reward(section.function, section.profile, section.extract))
    return Opening(state, None, model, None, reward)


def _made(opening: Opening) -> int:
    """Return the steps that a resumed run does not make again."""
    state = opening.state
    return 0 if state is None or not state.is_resumed else newest_step(_deepspeed(state))


def _deepspeed(state: "FolderState") -> Path:
    return state.path / "checkpoints" / "deepspeed" / "_actor"


def _gpus_section(config: OnlineConfig, extra: Sequence[str]) -> Section:
    section, gpus = config.openrlhf, gpus_of(config.openrlhf, extra)
    nodes, each = counted(section.nodes, "node"), counted(section.gpus_per_node, "GPU")
    engines = f"{counted(section.vllm_engines, 'engine')} of {counted(section.vllm_tensor_parallel, 'GPU')}"
    address = os.environ.get("RAY_ADDRESS")
    facts = (
        Fact("mode", section.mode, f"{section.mode}: {MODES[section.mode]}"),
        Fact("policy", gpus.policy, f"{nodes} of {each}, ZeRO stage {section.zero_stage}"),
        Fact("vllm", gpus.engines, f"{engines}{', those of the policy' if gpus.is_shared else ''}"),
        Fact("gpus", gpus.total, f"{gpus.total:,} in all"),
        Fact(
            "ray", address, f"RAY_ADDRESS={address}" if address else "the cluster of this machine; RAY_ADDRESS is unset"
        ),
    )
    seen = visible_gpus()
    if address or seen is None or seen >= gpus.total:
        return Section("gpus", facts)
    warning = (
        f"the run takes {counted(gpus.total, 'GPU')} and torch sees {seen:,} here: unless a Ray cluster with all of "
        "them was started on this machine, it waits for them for ever; set RAY_ADDRESS to that of the head node"
    )
    return Section("gpus", facts, (warning,))


def _look_at_work(config: OnlineConfig, opening: Opening, work: _Work, checks: Checks) -> None:
    """Add the sections about batches, disk and OpenRLHF's command line."""
    prompts = work.train.prompts
    found = online_batches(config, prompts=len(prompts), longest_prompt=work.longest_prompt, replay=work.replay)
    per_update = found.rollouts_per_step // found.updates_per_step
    checks.add(batches_section(found, config, division_facts(config.openrlhf, work.extra, per_update=per_update)))
    state = opening.state
    if state is None:
        return
    if opening.model.outline is not None:
        parameters, kept = ModelShape.of(opening.model.outline).parameters, config.checkpoint.keep + 1
        add_disk(opening, _disk(config, found, work, parameters, kept), kept, checks)
    flags = checks.attempt("command", lambda: _flags(config, state, found, work))
    if flags is not None:
        checks.add(command_section(PROGRAM, flags))


def _disk(config: OnlineConfig, found: OnlineBatches, work: _Work, parameters: int, kept: int) -> DiskEstimate:
    evaluations = found.steps // (config.eval.every_steps or found.steps)
    return estimate_disk(
        parameters=parameters,
        rollouts=found.rollouts,
        answers=0 if work.test is None else evaluations * len(work.test.prompts) * config.eval.samples,
        prompt_tokens=mean(len(prompt.token_ids) for prompt in work.train.prompts),
        response_tokens=config.rollout.max_new_tokens,
        answer_tokens=config.rollout.max_new_tokens,
        logprob_dtype=config.store.logprob_dtype,
        keep_text=config.store.keep_text,
        checkpoints=kept,
        checkpoint_bytes=checkpoint_bytes(parameters),
    )


def _flags(config: OnlineConfig, state: "FolderState", found: OnlineBatches, work: _Work) -> list[str]:
    run, path = state.path.resolve(), Path(config.model.path)
    model = run / "tiny" / "model" if config.model.path == TINY else path.resolve() if path.exists() else path
    replayed = max((batch.longest for batch in work.replay.batches), default=0)
    return online_flags(
        config,
        model=str(model),
        run=run,
        total_steps=found.steps,
        max_len=max(found.longest, replayed),
        agent=AGENT,
        is_resumed=state.is_resumed and newest_step(_deepspeed(state)) > 0,
    )
