"""What an online run and a dpo run open before anything else: folder, device, model, sampler, reward, evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twogrpo.config import RunConfig
from twogrpo.config.origins import Setting
from twogrpo.models import compute_dtype, select_device
from twogrpo.preflight.disk import DiskEstimate, disk_section
from twogrpo.preflight.folder import folder_section, look_at_folder
from twogrpo.preflight.machine import free_disk, free_memory
from twogrpo.preflight.memory import ModelShape, Workload, estimate_memory, memory_section
from twogrpo.preflight.model import (
    ModelFound,
    check_sampler,
    find_model,
    model_section,
    trained_parameters,
    vocabulary_of,
)
from twogrpo.preflight.problem_sets import (
    ProblemSet,
    Split,
    check_vocabulary,
    load_problems,
    load_rows,
    problems_section,
)
from twogrpo.preflight.report import Checks
from twogrpo.preflight.settings import settings_section
from twogrpo.prompts import Prompt
from twogrpo.rewards import Reward, load_reward
from twogrpo.train.lengths import answers_key, check_positions

if TYPE_CHECKING:
    import torch

    from twogrpo.train.folder_state import FolderState

__all__ = [
    "Opening",
    "add_disk",
    "add_memory",
    "check_fits",
    "find_evaluation",
    "find_problems",
    "open_dry",
    "width_of",
]


@dataclass(frozen=True)
class Opening:
    """What could be opened; None stands for what a problem was found with, and for an adapter that is not asked for."""

    state: "FolderState | None"
    device: "torch.device | None"
    model: ModelFound
    sampler: str | None
    reward: Reward | None
    trained: int | None = None


def open_dry(
    config: RunConfig,
    checks: Checks,
    *,
    settings: Sequence[Setting],
    default_dir: str,
    backend: str,
    resume: bool,
    force: bool,
) -> Opening:
    """Return what `open_session` would open, without writing anything, and add the sections about it.

    Args:
        config: The run.
        checks: Takes sections and problems.
        settings: Every key with its origin, where that is known.
        default_dir: Folder of an unnamed run.
        backend: As in `make_generator`.
        resume: Take up an existing run.
        force: Replace an existing run.
    """
    if settings:
        checks.add(settings_section(settings))
    device = checks.attempt("model", lambda: select_device(config.model.device))
    state = checks.attempt(
        "run folder", lambda: look_at_folder(config, default=default_dir, resume=resume, force=force)
    )
    if state is not None:
        checks.add(folder_section(state, config.train.schedule, resume=resume))
    model = find_model(config.model.path, config.seed, checks)
    sampler = checks.attempt("model", lambda: check_sampler(model, backend))
    trained = checks.attempt("model", lambda: trained_parameters(config, model))
    checks.add(model_section(config, model, device, sampler, trained))
    reward = checks.attempt(
        "reward", lambda: load_reward(config.reward.function, config.reward.profile, config.reward.extract)
    )
    return Opening(state, device, model, sampler, reward, trained)


def find_evaluation(
    config: RunConfig, opening: Opening, checks: Checks, *, max_new_tokens: int, trained_on: Sequence[Prompt] = ()
) -> ProblemSet | None:
    """Return the problems to evaluate on, and add their section.

    Args:
        config: The run.
        opening: What is open.
        checks: Takes section and problems.
        max_new_tokens: Longest answer.
        trained_on: The training problems.
    """
    if config.eval.data is None:
        return None
    title = "evaluation data"
    found = find_problems(title, config.eval.data, config, opening, checks, split="test")
    if found is not None:
        check_fits(title, found, opening, checks, key=answers_key(config), max_new_tokens=max_new_tokens)
        checks.add(problems_section(title, found, trained_on=trained_on))
    return found


def find_problems(
    title: str, path: str, config: RunConfig, opening: Opening, checks: Checks, *, split: Split
) -> ProblemSet | None:
    """Return the problems of a file; without a tokenizer its rows are read all the same, for what is wrong there.

    Args:
        title: The section of its problems.
        path: The file, or `tiny`.
        config: The run.
        opening: What is open.
        checks: Takes the problems.
        split: Of the embedded task.
    """
    tokenizer = opening.model.tokenizer
    if tokenizer is None:
        checks.attempt(title, lambda: load_rows(path, config, split))
        return None
    return checks.attempt(title, lambda: load_problems(path, config, tokenizer, split))


def check_fits(
    title: str, found: ProblemSet, opening: Opening, checks: Checks, *, key: str, max_new_tokens: int
) -> None:
    """Refuse problems that the model cannot take: unknown tokens, or too little room for a whole response."""
    outline = opening.model.outline
    if outline is None:
        return
    checks.attempt(
        title,
        lambda: check_positions(
            found.prompts, path=found.path, key=key, max_new_tokens=max_new_tokens, positions=opening.model.positions
        ),
    )
    checks.attempt(title, lambda: check_vocabulary(found, vocabulary_of(outline)))


def add_memory(opening: Opening, work: Workload, checks: Checks) -> None:
    """Add the section about memory, where model and device are known."""
    if opening.model.outline is None or opening.device is None:
        return
    shape = ModelShape.of(opening.model.outline)
    estimate = estimate_memory(shape, work)
    free = free_memory(opening.device)
    checks.add(memory_section(estimate, parameters=shape.parameters, device=str(opening.device), free=free))


def add_disk(opening: Opening, estimate: DiskEstimate, checkpoints: int, checks: Checks) -> None:
    """Add the section about disk, where the run folder is known."""
    if opening.state is not None:
        path = opening.state.path
        checks.add(disk_section(estimate, checkpoints=checkpoints, run_dir=path, free=free_disk(path)))


def width_of(config: RunConfig) -> int:
    """Return the bytes of a number in the forward passes."""
    return compute_dtype(config.model).itemsize
