"""The preflight of a dpo run on OpenRLHF: what would stop it, the batches of its ranks, and OpenRLHF's command line."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.config.origins import Setting
from twogrpo.openrlhf.dpo import NEEDED
from twogrpo.openrlhf.dpo_checkpoints import newest_step
from twogrpo.openrlhf.dpo_flags import dpo_flags, dpo_notes
from twogrpo.openrlhf.dpo_inputs import DpoInputs, read_inputs
from twogrpo.openrlhf.dpo_job import DpoFiles
from twogrpo.openrlhf.dpo_launch import check_gpus
from twogrpo.openrlhf.dpo_worker import PROGRAM
from twogrpo.openrlhf.versions import check_versions
from twogrpo.pairs import pair_counts
from twogrpo.preflight.batches import warm_up_shown, warm_up_warnings
from twogrpo.preflight.folder import folder_section, look_at_folder
from twogrpo.preflight.pairs import pairs_section
from twogrpo.preflight.report import Checks, Fact, Report, Section
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
    checks.attempt("packages", lambda: check_versions(NEEDED))
    if config.openrlhf.nodes == 1:
        checks.attempt("ranks", lambda: check_gpus(config.openrlhf.gpus_per_node))
    inputs = checks.attempt("pairs", lambda: read_inputs(config, rollouts))
    state = checks.attempt("run folder", lambda: look_at_folder(config, default="runs/dpo", resume=resume, force=force))
    if state is not None:
        checks.add(folder_section(state, config.train.schedule, resume=resume))
    if inputs is not None:
        checks.add(pairs_section(inputs.schedule.data, pair_counts(RolloutStore.open(rollouts)), config))
        checks.add(_batches_section(inputs, config))
    if inputs is not None and state is not None:
        flags = checks.attempt("command", lambda: _flags(inputs, state, config))
        if flags is not None:
            checks.add(_command_section(flags, config))
    return checks.report("dpo")


def _batches_section(inputs: DpoInputs, config: "DpoConfig") -> Section:
    schedule, section = inputs.schedule, config.openrlhf
    pairs = len(schedule.data)
    ranks = section.nodes * section.gpus_per_node
    passes = len(schedule.order) / pairs
    facts = (
        Fact("pairs_per_update", schedule.pairs_per_step, f"{schedule.pairs_per_step:,}"),
        Fact("ranks", ranks, f"{ranks:,}, one a GPU"),
        Fact("steps", schedule.steps, f"{schedule.steps:,}, {passes:.3g} passes over {pairs:,} pairs"),
        Fact("partial_batch", 0, "none: where the pairs end within an update, the next pass fills it"),
        Fact("warmup_updates", config.train.warmup_steps, warm_up_shown(config.train, schedule.steps)),
        Fact("longest_rollout", schedule.longest, f"{schedule.longest:,} tokens; nothing is cut"),
    )
    return Section("batches", facts, tuple(warm_up_warnings(config.train, schedule.steps)))


def _flags(inputs: DpoInputs, state: "FolderState", config: "DpoConfig") -> list[str]:
    files = DpoFiles(state.path.resolve())
    return dpo_flags(
        config,
        model=inputs.model,
        reference=inputs.reference,
        data=files.schedule,
        run=files.run,
        steps=inputs.schedule.steps,
        max_len=inputs.schedule.longest,
        is_resumed=state.is_resumed and newest_step(files.deepspeed) > 0,
    )


def _command_section(flags: list[str], config: "DpoConfig") -> Section:
    lines = [f"python -m {PROGRAM}", *_lines(flags)]
    return Section("command", (Fact("flags", flags, "\n".join(lines), is_table=True),), tuple(dpo_notes(config)))


def _lines(flags: list[str]) -> Iterator[str]:
    """Yield a line a flag, with its values."""
    starts = 0

    def number(word: str) -> int:
        nonlocal starts
        starts += word.startswith("--")
        return starts

    for _, words in groupby(flags, key=number):
        yield "  " + " ".join(words)
