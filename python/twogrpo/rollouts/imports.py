"""Rollouts that another program has logged, stored as a run of phase `imported` that dpo trains on.

Rows become a step's segments as they are read, so that files may be larger than memory; each segment is committed whole
or not at all. The same files again are recognised, row by row. Groups are the rows of one key where the files name one,
and else the rows of one prompt that follow each other: the one place where text decides on groups, and it is reported.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.config.imported import ImportConfig, Source
from twogrpo.errors import ConfigError, DataError
from twogrpo.rollouts.group_ids import GroupBy, Grouper
from twogrpo.rollouts.imported_steps import ImportCounts, StepWriter
from twogrpo.rollouts.logged_rows import ColumnNames, LoggedRollout, LoggedRows, source_of
from twogrpo.row_files import read_rows

if TYPE_CHECKING:
    from twogrpo.rollouts.decoded_prompts import PromptFrame

__all__ = ["ImportReport", "import_rollouts", "logged_files"]

CONFIG = "config.resolved.yaml"
_KINDS = (".jsonl", ".parquet")


@dataclass(frozen=True)
class ImportReport:
    """What an import has done.

    Attributes:
        path: The run folder.
        source: What had logged the rows.
        counts: What became of them.
        grouped_by: How groups were told apart.
        rewards: Columns that the rewards are of, with their weights; none where the verifier gave them.
        verifier: The verifier's name, where it gave rewards.
    """

    path: Path
    source: Source
    counts: ImportCounts
    grouped_by: str
    rewards: dict[str, float] = field(default_factory=dict)
    verifier: str | None = None


def logged_files(places: Sequence[str | Path]) -> list[Path]:
    """Return files and the .jsonl and .parquet files of folders, those of a folder by the numbers in their names.

    Raises:
        DataError: A folder holds none.
    """
    files: list[Path] = []
    for place in map(Path, places):
        if not place.is_dir():
            files.append(place)
            continue
        found = sorted((file for file in place.iterdir() if file.suffix in _KINDS), key=_by_number)
        if not found:
            raise DataError(f"{place} holds no {' or '.join(_KINDS)} file")
        files += found
    return files


def import_rollouts(
    files: Sequence[str | Path],
    to: str | Path,
    *,
    source: Source | None = None,
    settings: dict[str, object] | None = None,
    names: ColumnNames | None = None,
    group_size: int | None = None,
    frame: "Callable[[ImportConfig], PromptFrame] | None" = None,
) -> ImportReport:
    """Store the rows of files as the run of a folder.

    Args:
        files: .jsonl and .parquet files, or folders of them; rows of one step follow each other.
        to: The run folder: a new one, or one that the same import has made.
        source: What has logged the rows; by default told by their columns.
        settings: Nested keys of `ImportConfig`: model, data, reward, eval.
        names: Columns that are not called as the source calls them.
        group_size: So many rows that follow each other are a group.
        frame: Gives what the chat template writes around a problem, for prompts of verl.

    Raises:
        ConfigError: A setting or column that cannot be, or a folder that something else is in.
        DataError: A row that is no rollout, with its file and line. The steps before it are stored.
        StoreError: The folder holds other rows of a step, or cannot be written.
    """
    names = names or ColumnNames()
    rows = chain.from_iterable(read_rows(file) for file in logged_files(files))
    first = next(rows, None)
    if first is None:
        raise DataError(f"{', '.join(map(str, files))}: no row; expected one rollout a row")
    source = source or source_of(first)
    reader = LoggedRows(first, source, names)
    by, said = _grouping(source, reader, names, group_size)
    start = reader.read(first)
    config = _config(source, settings or {}, start)
    problems = _Problems(config, frame)
    # Before anything is written: what is wrong with every row is wrong with the first.
    problems.of(start)
    folder = _run_folder(Path(to), config)
    rollouts = (problems.of(reader.read(row)) for row in chain([first], rows))
    with StepWriter(folder / "rollouts", config.reward, skips_repeats=source == "trl") as writer:
        _store(rollouts, writer, lambda: Grouper(by, group_size or 1))
    counts = writer.counts
    rewards = reader.rewards if counts.verified < counts.rollouts else {}
    verifier = writer.verifier if counts.verified else None
    return ImportReport(folder, source, counts, said, dict(rewards), verifier)


def _by_number(file: Path) -> tuple[int, str]:
    digits = "".join(char if char.isdigit() and char.isascii() else " " for char in file.stem).split()
    return (int(digits[-1]) if digits else -1, file.name)


def _grouping(source: Source, reader: LoggedRows, names: ColumnNames, group_size: int | None) -> tuple[GroupBy, str]:
    if group_size is not None:
        if names.group is not None:
            raise ConfigError("--column group=... and --group-size both say what a group is; give one of them")
        return "size", f"every {group_size} rows that follow each other"
    if reader.has_key:
        return "key", "rows of one key"
    if source == "verl":
        # It reorders a batch by length before it dumps it.
        return "step", "rows of one prompt in a step"
    return "neighbours", "rows of one prompt that follow each other"


def _config(source: Source, settings: dict[str, object], first: LoggedRollout) -> ImportConfig:
    """Return the configuration, with what the first row tells of template and system message."""
    from twogrpo.config.load import merge, validate

    told: dict[str, object] = {"template": "none" if source == "trl" and not first.is_chat else "chat"}
    if first.system is not None:
        told["system"] = first.system
    return validate(ImportConfig, merge({"source": source, "data": told}, settings))


class _Problems:
    """Takes the problem out of each prompt, and refuses prompts that were asked in another way than the first."""

    def __init__(self, config: ImportConfig, frame: "Callable[[ImportConfig], PromptFrame] | None") -> None:
        self._data = config.data
        is_framed = config.source == "verl" and config.data.template == "chat"
        if is_framed and frame is None:
            raise ConfigError(
                "verl's inputs hold what the chat template writes, which the tokenizer tells; name the model with "
                "--model, or give data.template=none to keep them as they are"
            )
        self._frame = frame(config) if is_framed and frame else None

    def of(self, rollout: LoggedRollout) -> LoggedRollout:
        self._check(rollout)
        if self._frame is None:
            return rollout
        problem = self._frame.problem(rollout.prompt)
        if problem is None:
            raise DataError(
                f"{rollout.place}: the input begins with {rollout.prompt[:40]!r}, but the chat template writes "
                f"{self._frame.before[-40:]!r} before a problem and {self._frame.behind!r} behind it; give data.system "
                "as the run had it, or data.template=none"
            )
        return replace(rollout, prompt=problem)

    def _check(self, rollout: LoggedRollout) -> None:
        if rollout.is_chat and self._data.template == "none":
            raise DataError(f"{rollout.place}: messages, but data.template=none; give data.template=chat")
        if rollout.is_chat and rollout.system != self._data.system:
            raise DataError(
                f"{rollout.place}: the system message is {rollout.system!r}, in the first row or data.system it is "
                f"{self._data.system!r}; import rows of each system message into a folder of its own"
            )


def _run_folder(path: Path, config: ImportConfig) -> Path:
    """Return the folder with its configuration written, after making sure that nothing else is in it.

    Raises:
        ConfigError: Another import or run is in it.
    """
    text = config.to_yaml()
    written = path / CONFIG
    try:
        if written.exists():
            if written.read_text(encoding="utf-8") != text:
                raise ConfigError(f"{path} holds a run with other settings ({CONFIG}); name another folder with --to")
            return path
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ConfigError(f"{path} is no empty folder and no earlier import; name another folder with --to")
        path.mkdir(parents=True, exist_ok=True)
        temporary = path / f".{CONFIG}.tmp"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(written)
    except OSError as error:
        raise ConfigError(f"--to {path} cannot be made: {error.strerror or error}") from error
    return path


def _store(rollouts: Iterator[LoggedRollout], writer: StepWriter, grouper: Callable[[], Grouper]) -> None:
    """Give every rollout its step and group, and hand it over."""
    groups = grouper()
    seen: set[int] = set()
    for rollout in rollouts:
        step = _filled_step(rollout, writer, groups) if rollout.step is None else rollout.step
        if step != writer.step:
            if step in seen:
                raise DataError(f"{rollout.place}: step {step} again, behind other steps; sort the rows by step")
            seen.add(step)
            writer.begin(step)
            groups = grouper()
        try:
            place, member = groups.add(rollout.prompt, rollout.key)
        except DataError as error:
            raise DataError(f"{rollout.place}: {error}") from error
        writer.add(rollout, place, member)


def _filled_step(rollout: LoggedRollout, writer: StepWriter, groups: Grouper) -> int:
    """Return the step of a row in files without steps: as many rows a step as a segment should hold, whole groups."""
    if writer.step is None:
        return 0
    return writer.step + 1 if writer.is_full and groups.is_between_groups(rollout.prompt) else writer.step
