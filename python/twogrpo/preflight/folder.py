"""The section about the run folder: what is there, and what becomes of it."""

import os
from pathlib import Path

from twogrpo.config import RunConfig
from twogrpo.errors import ConfigError
from twogrpo.preflight.report import Fact, Section
from twogrpo.train.folder_state import FolderState, changes_shown, inspect_run_folder

__all__ = ["existing_parent", "folder_section", "look_at_folder"]


def look_at_folder(config: RunConfig, *, default: str, resume: bool, force: bool) -> FolderState:
    """Return the state of the run's folder, without making it.

    Raises:
        ConfigError: As the run would say: the folder holds a run or other files, or cannot be written to.
    """
    state = inspect_run_folder(config, default=default, resume=resume, force=force)
    parent = existing_parent(state.path)
    if not parent.is_dir():
        raise ConfigError(f"run_dir={state.path} cannot be made: {parent} is a file; name another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigError(f"run_dir={state.path} cannot be made: {parent} cannot be written to; name another folder")
    return state


def existing_parent(path: Path) -> Path:
    """Return the path itself if something is there, else the nearest folder above it that exists."""
    absolute = path.absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.exists())


def folder_section(state: FolderState, schedule: str, *, resume: bool) -> Section:
    """Return what becomes of the folder.

    Args:
        state: What is there.
        schedule: The run's `train.schedule`.
        resume: A run that is there was to go on.
    """
    fate = "a new run, as there is none to resume" if resume else "a new run"
    if state.is_resumed:
        fate = "the run that is there goes on"
    elif state.has_run:
        fate = "the run that is there is replaced"
    facts = [Fact("run_dir", str(state.path)), Fact("becomes", fate)]
    if state.changes:
        changes = [change.as_json() for change in state.changes]
        facts.append(Fact("changed_keys", changes, "\n".join(changes_shown(state.changes, schedule))))
    return Section("run folder", tuple(facts))
