"""The preflight of a dpo run on OpenRLHF: what would stop it, the batches of its ranks, and OpenRLHF's command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.config.origins import Setting
from twogrpo.openrlhf.batches import data_ranks
from twogrpo.openrlhf.dpo import NEEDED
from twogrpo.openrlhf.dpo_checkpoints import newest_step
from twogrpo.openrlhf.dpo_flags import check_dpo, dpo_flags, dpo_notes
from twogrpo.openrlhf.dpo_inputs import DpoInputs, read_inputs
from twogrpo.openrlhf.dpo_job import DpoFiles
from twogrpo.openrlhf.dpo_launch import check_gpus
from twogrpo.openrlhf.dpo_worker import PROGRAM
from twogrpo.openrlhf.versions import check_versions
from twogrpo.pairs import pair_counts
from twogrpo.preflight.batches import warm_up_shown, warm_up_warnings
from twogrpo.preflight.disk import disk_section, estimate_disk
from twogrpo.preflight.folder import folder_section, look_at_folder
from twogrpo.preflight.machine import free_disk
from twogrpo.preflight.memory import ModelShape
from twogrpo.preflight.model import ModelFound, find_model, model_section, trained_parameters
from twogrpo.preflight.openrlhf import checkpoint_bytes, command_section, packages_section
from twogrpo.preflight.pairs import pairs_section
from twogrpo.preflight.report import Checks, Fact, Report, Section, counted
from twogrpo.preflight.settings import settings_section
from twogrpo.store import RolloutStore

if TYPE_CHECKING:
    from twogrpo.config import DpoConfig
    from twogrpo.train.folder_state import FolderState

__all__ = ["preflight_dpo_openrlhf"]


def preflight_dpo_openrlhf(
    config: "DpoConfig",
    rollouts: str | Path,
    *,
    settings: Sequence[Setting] = (),
    resume: bool = False,
    force: bool = False,
) -> Report:
    """Return what a dpo run on OpenRLHF would meet on this machine; nothing is written and nothing is started.

    Args:
        config: The run.
        rollouts: The store whose pairs are trained on.
        settings: Every key with its origin, where that is known.
        resume: As in `train_dpo_openrlhf`.
        force: Likewise.
    """
    checks = Checks()
    if settings:
        checks.add(settings_section(settings))
    # Where every pair is one update, their number is known once the store is read.
    if config.train.rollouts_per_update is not None:
        pairs = config.train.rollouts_per_update // 2
        checks.attempt("keys", lambda: check_dpo(config, pairs))
    checks.attempt("packages", lambda: check_versions(NEEDED))
    checks.add(packages_section(NEEDED))
    if config.openrlhf.nodes == 1:
        checks.attempt("ranks", lambda: check_gpus(config.openrlhf.gpus_per_node))
    inputs = checks.attempt("pairs", lambda: read_inputs(config, rollouts))
    state = checks.attempt("run folder", lambda: look_at_folder(config, default="runs/dpo", resume=resume, force=force))
    if state is not None:
        checks.add(folder_section(state, config.train.schedule, resume=resume))
    if inputs is not None:
        counts = pair_counts(RolloutStore.open(rollouts))
        checks.add(pairs_section(inputs.schedule.data, counts, config))
        _look_at_work(config, inputs, state, checks)
    return checks.report("dpo")


def _look_at_work(config: "DpoConfig", inputs: DpoInputs, state: "FolderState | None", checks: Checks) -> None:
    """Add the sections about model, batches, disk and OpenRLHF's command line."""
    model = find_model(inputs.model, config.seed, checks)
    trained = checks.attempt("model", lambda: trained_parameters(config, model))
    checks.add(model_section(config, model, None, None, trained))
    if state is None:
        checks.attempt("command", lambda: _flags(inputs, Path("runs/dpo"), config, is_resumed=False))
        return
    is_resumed = state.is_resumed and newest_step(DpoFiles(state.path).deepspeed) > 0
    flags = checks.attempt("command", lambda: _flags(inputs, state.path.resolve(), config, is_resumed=is_resumed))
    if flags is None:
        return
    checks.add(_batches_section(inputs, config))
    if model.outline is not None:
        checks.add(_disk_section(config, model, trained, state.path))
    checks.add(command_section(PROGRAM, flags, dpo_notes(config)))


def _batches_section(inputs: DpoInputs, config: "DpoConfig") -> Section:
    schedule, section = inputs.schedule, config.openrlhf
    pairs, size = len(schedule.data), section.micro_batch_size // 2
    ranks = data_ranks(section, check_dpo(config, schedule.pairs_per_step))
    passes = len(schedule.order) / pairs
    divided = schedule.pairs_per_step // (ranks * size)
    facts = (
        Fact("pairs_per_update", schedule.pairs_per_step, f"{schedule.pairs_per_step:,}"),
        Fact("ranks", ranks, f"{ranks:,} that train on pairs of their own"),
        Fact("micro_batches", divided, f"{divided:,} an update on each rank, of {counted(size, 'pair')}"),
        Fact("steps", schedule.steps, f"{schedule.steps:,}, {passes:.3g} passes over {pairs:,} pairs"),
        Fact("partial_batch", 0, "none: where the pairs end within an update, the next pass fills it"),
        Fact("warmup_updates", config.train.warmup_steps, warm_up_shown(config.train, schedule.steps)),
        Fact("longest_rollout", schedule.longest, f"{schedule.longest:,} tokens; nothing is cut"),
    )
    return Section("batches", facts, tuple(warm_up_warnings(config.train, schedule.steps)))


def _disk_section(config: "DpoConfig", model: ModelFound, trained: int | None, run: Path) -> Section:
    kept = config.checkpoint.keep + 1
    parameters = 0 if model.outline is None else ModelShape.of(model.outline).parameters
    estimate = estimate_disk(
        parameters=parameters,
        rollouts=0,
        answers=0,
        prompt_tokens=0,
        response_tokens=0,
        answer_tokens=0,
        logprob_dtype="float32",
        keep_text=True,
        checkpoints=kept,
        checkpoint_bytes=checkpoint_bytes(parameters, trained),
    )
    return disk_section(estimate, checkpoints=kept, run_dir=run, free=free_disk(run))


def _flags(inputs: DpoInputs, run: Path, config: "DpoConfig", *, is_resumed: bool) -> list[str]:
    schedule = inputs.schedule
    return dpo_flags(
        config,
        model=inputs.model,
        reference=inputs.reference,
        data=DpoFiles(run).schedule,
        run=run,
        steps=schedule.steps,
        max_len=schedule.longest,
        is_resumed=is_resumed,
        pairs_per_update=schedule.pairs_per_step,
    )
