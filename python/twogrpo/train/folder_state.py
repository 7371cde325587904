"""What stands in the folder that a run is to use, and what a resumed run may change: read, never written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from twogrpo.config import RunConfig, key_reference
from twogrpo.config.difference import ABSENT, Difference, aligned, differences, flat, shown_value
from twogrpo.config.load import read_yaml
from twogrpo.errors import ConfigError

__all__ = ["CONFIG", "CONTENTS", "FolderState", "changes_shown", "has_started", "inspect_run_folder", "unnamed_folder"]

CONFIG = "config.resolved.yaml"
CONTENTS = (
    CONFIG,
    "env.json",
    "metrics.jsonl",
    "rollouts",
    "checkpoints",
    "summary.json",
    "tiny",
    "reference",
    "pairs.parquet",
    "prompts.parquet",
    "openrlhf.log",
    "eval_prompts.parquet",
    "replay.json",
    "schedule.parquet",
)
# A resumed run may go on for longer, save, evaluate and print otherwise; everything else would change the trajectory.
LENGTH = ("train.steps", "train.epochs")
_CHANGEABLE = (*LENGTH, "eval.", "log.", "checkpoint.")


@dataclass(frozen=True)
class FolderState:
    """What stands in the folder that a run is to use, and what becomes of it.

    Attributes:
        path: The folder.
        has_run: A run with something to lose is in it.
        is_resumed: That run is taken up.
        changes: Keys that a resumed run changes, all of them allowed.
    """

    path: Path
    has_run: bool
    is_resumed: bool
    changes: tuple[Difference, ...] = ()


def inspect_run_folder(config: RunConfig, *, default: str, resume: bool, force: bool) -> FolderState:
    """Return what a run would find in its folder; nothing is written.

    Args:
        config: The run's configuration; `run_dir` None takes `default`, or `default`-2 and on where that exists.
        default: Folder of an unnamed run.
        resume: Take up an existing run; where there is none yet, a new one is begun.
        force: Replace an existing run.

    Raises:
        ConfigError: The folder holds a run and neither flag is given, holds something else, or the resumed run's
            configuration differs in a key that would change its trajectory.
    """
    if resume and force:
        raise ConfigError("--resume goes on with a run and --force replaces it; give one of them")
    path = (
        Path(config.run_dir).expanduser()
        if config.run_dir is not None
        else unnamed_folder(Path(default), resume=resume)
    )
    try:
        if path.exists() and not path.is_dir():
            raise ConfigError(f"run_dir={path} is a file, expected a folder")
        has_run = has_started(path)
        is_foreign = not has_run and path.exists() and any(_is_foreign(entry.name) for entry in path.iterdir())
    except OSError as error:
        raise ConfigError(f"run_dir={path} cannot be read: {error.strerror or error}; name another folder") from error
    if has_run and not (resume or force):
        raise ConfigError(f"run_dir={path} already holds a run; add --resume to go on with it or --force to replace it")
    if is_foreign:
        raise ConfigError(f"run_dir={path} holds other files and no run; name an empty or new folder")
    is_resumed = has_run and resume
    changes = _allowed_changes(config, path) if is_resumed else ()
    return FolderState(path, has_run, is_resumed, changes)


def changes_shown(changes: Sequence[Difference], schedule: str) -> Iterator[str]:
    """Yield the lines that say what a resumed run changes.

    Args:
        changes: Of a `FolderState`.
        schedule: The run's `train.schedule`.
    """
    yield from aligned(changes)
    # Refusing a longer run would force a new one; but nobody should take it for a run of that length from the start.
    if schedule != "constant" and any(change.key in LENGTH for change in changes):
        yield (
            f"train.schedule={schedule} falls to 0 over the whole run: the steps to come follow the new length, "
            "the steps already made followed the old one"
        )


def has_started(path: Path) -> bool:
    """Return whether a folder holds a run with something to lose: a finished evaluation or step, or stored rollouts.

    A run that was refused for its input leaves its folder behind, which may be used again.
    """
    return (path / "metrics.jsonl").exists() or any((path / "rollouts").glob("run=*/*.parquet"))


def _is_foreign(name: str) -> bool:
    return name not in CONTENTS and not name.startswith(".")


def unnamed_folder(path: Path, *, resume: bool) -> Path:
    """Return the folder of a run without a name: the newest run to resume, else the first free one."""
    candidates = [path, *(path.with_name(f"{path.name}-{n}") for n in range(2, 10_000))]
    free = next(index for index, candidate in enumerate(candidates) if not has_started(candidate))
    return candidates[max(0, free - 1)] if resume else candidates[free]


def _allowed_changes(config: RunConfig, path: Path) -> tuple[Difference, ...]:
    """Return the keys that a resumed run changes; refused are those that would change its trajectory."""
    if not (path / CONFIG).exists():
        raise ConfigError(f"run_dir={path} holds a run without {CONFIG}; put it back, or name another folder")
    try:
        before = read_yaml(path / CONFIG)
    except ConfigError as error:
        raise ConfigError(f"{error}; put the file back as it was, or name another folder") from error
    if not isinstance(before.get("model"), dict):
        raise ConfigError(
            f"{path / CONFIG}: not the configuration of a run; put the file back as it was, or name another folder"
        )
    found = differences(before, config.model_dump(mode="json"), ignored=["run_dir"])
    changes = tuple(change for change in found if not _is_of_another_version(change, config))
    refused = [change for change in changes if not change.key.startswith(_CHANGEABLE)]
    if refused:
        what = ", ".join(
            f"{change.key}={shown_value(change.after)} (the run has {shown_value(change.before)})" for change in refused
        )
        raise ConfigError(f"{path}: --resume cannot change {what}; give the run's own value or a new run_dir")
    return changes


def _is_of_another_version(change: Difference, config: RunConfig) -> bool:
    """Return whether only one version knows the key and nobody has set it."""
    defaults = flat({each.key: each.default for each in key_reference(type(config))})
    return change.after is ABSENT or (change.before is ABSENT and change.after == defaults.get(change.key))
