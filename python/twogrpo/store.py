"""The rollout store: every rollout of a run in Parquet segments that survive a crash.

Appending, resuming, recovering and checking are the Rust core's; reading is polars over the segments. Any other
reader of Parquet takes the glob `run=*/*.parquet` of the store's folder.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from twogrpo import _core
from twogrpo.errors import ConfigError, DataError, StoreError
from twogrpo.store_info import StoreInfo, count_rows

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ArrowTable", "CheckReport", "Problem", "Recovery", "RolloutStore", "StoreInfo"]

Phase = Literal["train", "eval", "replay", "imported"]
_METADATA = ("config_hash", "tokenizer_hash", "template_hash")
_LIVE = "run=*/*.parquet"
_SUPERSEDED = "_superseded/run=*/attempt-*/*.parquet"
_STEPS = 2**31
_NAMED_STEPS = re.compile(r"steps?-(\d+)(?:-(\d+))?\.")
# What is counted part by part ends a part at either bound.
_PART_FILES, _PART_BYTES = 256, 1 << 28
_logger = logging.getLogger(__name__)


class ArrowTable(Protocol):
    """A table of polars, pyarrow, pandas, duckdb or any other library that speaks the Arrow C stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@dataclass(frozen=True)
class Problem:
    """One thing that a check found.

    Attributes:
        path: The file.
        what: What is wrong with it.
        is_damage: Its rows are not those that were written, or cannot be read; False for what only stands beside the
            rows, such as a segment without its line in the log.
    """

    path: Path
    what: str
    is_damage: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class CheckReport:
    """What a check has seen: readable segments, their rows and bytes, superseded segments, and every problem.

    `tokenizers` are the hashes of the tokenizers that the segments were made with, where their footers tell.
    """

    segments: int
    superseded_segments: int
    rows: int
    bytes: int
    tokenizers: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class Recovery:
    """What opening for writing, or a repair, found of writers that had died, and did about it.

    Attributes:
        removed_temporaries: Files in the staging folder that were removed.
        relogged: Segments that had no line in the log.
        lost: Segments that the log knows and the store does not hold.
        quarantined: Damaged segments, moved to `_quarantine`, with what is wrong.
        damaged_lines: Lines of the log that were moved there.
        skipped: Living writers with something to mend, which was left alone.
        rewrote_marker: `_twogrpo/store.json` was missing or damaged; only a repair writes it anew.
    """

    removed_temporaries: int
    relogged: tuple[str, ...]
    lost: tuple[str, ...]
    quarantined: tuple[str, ...]
    damaged_lines: int = 0
    skipped: tuple[str, ...] = ()
    rewrote_marker: bool = False


class RolloutStore:
    """A rollout store, open for reading, or for writing one run as well. Made by `RolloutStore.open`."""

    def __init__(self, path: Path, writers: "_Writers | None") -> None:
        self.path = path
        self._writers = writers

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        run_id: str | None = None,
        writer: str | None = None,
        resume_step: int | None = None,
        keep_evaluation: bool = False,
        metadata: Mapping[str, str] | None = None,
        logprob_dtype: Literal["float32", "float16"] = "float32",
    ) -> Self:
        """Open a store, for writing if a run is named; a run that exists goes on with its latest attempt.

        Args:
            path: The store's folder, or a run folder that holds it as `rollouts`. Made when writing.
            run_id: The run to write.
            writer: Name of this writer within the run, `w0` if not given; one living process each.
            resume_step: Keep the run's segments up to this step of the optimizer, move later ones of all its writers
                aside and begin a new attempt. -1 keeps none.
            keep_evaluation: Also keep the evaluation stored for the step after `resume_step`: it was made of the
                weights that the resumed run starts from.
            metadata: `config_hash`, `tokenizer_hash` and `template_hash` for the footers of what is written.
            logprob_dtype: Width of the stored logprobs; float16 puts ratios off by up to 0.8 %.

        Returns:
            The store; close it, or use it as a context, when it was opened for writing.

        Raises:
            StoreError: If there is no store to read, or a living process writes as this writer.
            ConfigError: If an argument needs another one or is not known.
        """
        folder = _find(Path(path))
        if run_id is None:
            given = {"writer": writer, "resume_step": resume_step, "metadata": metadata}
            if any(value is not None for value in given.values()):
                raise ConfigError(f"{', '.join(given)} are for writing; give run_id as well")
            _core.store_open(folder)
            return cls(folder, None)
        if resume_step is not None and not -1 <= resume_step < _STEPS:
            raise ConfigError(f"resume_step={resume_step} is out of range; expected -1 to 2^31 - 1")
        hashes = _check_options(dict(metadata or {}), logprob_dtype)
        writers = _Writers(folder, run_id, writer or "w0", float16=logprob_dtype == "float16", hashes=hashes)
        keep_ahead = writers.name_for("eval") if keep_evaluation else None
        writers.open(writers.name, resume_step, keep_ahead)
        return cls(folder, writers)

    @classmethod
    def repair(cls, path: str | Path, *, deep: bool = False) -> Recovery:
        """Return what was mended; writers that live are left alone.

        Nothing is deleted but what dead writers have staged: what is damaged is moved to `_quarantine`. A missing or
        damaged `_twogrpo/store.json` and missing lines of the log are written anew from the segments.

        Args:
            path: The store's folder, or a run folder that holds it as `rollouts`.
            deep: Read every byte, and move segments to the quarantine that are not what was written.

        Raises:
            StoreError: If no readable segment shows that the folder is a store.
        """
        counts, (damaged_lines, skipped, rewrote_marker) = _core.store_repair(_find(Path(path)), deep)
        removed, relogged, lost, quarantined = counts
        found = tuple(relogged), tuple(lost), tuple(quarantined)
        return Recovery(removed, *found, damaged_lines, tuple(skipped), rewrote_marker)

    @property
    def run_id(self) -> str | None:
        """The run that is written, None when reading."""
        return self._writers.run_id if self._writers else None

    @property
    def attempt(self) -> int | None:
        """The attempt that appended rows belong to, None when reading."""
        return self._writers.own.attempt if self._writers else None

    @property
    def recovery(self) -> Recovery | None:
        """What opening for writing found of writers that had died, None when reading."""
        return _recovery(self._writers.own) if self._writers else None

    def append(self, table: ArrowTable, step: int, phase: Phase = "train") -> None:
        """Hand rows over to be stored as the segment of that step; waits only while two appends are under way.

        The rows are checked before this returns and stored in the background; the table must not be changed. Appending
        the same rows again is no error. A phase other than train is stored under a writer name of its own.

        Args:
            table: Rows with at least group_id, rollout_idx, reward, prompt or prompt_id, and response or response_ids;
                further columns of schema v1 by their names.
            step: Step of the optimizer, from 0.
            phase: What the rollouts were made for.

        Raises:
            DataError: If the rows are not what schema v1 asks for; they were not taken.
            StoreError: If an earlier append failed, or the step is stored with other rows.
        """
        writer = self._writing().for_phase(phase)
        try:
            writer.append(_typed(table), step, phase)
        except OverflowError as error:
            raise DataError(f"step {step} is not usable; expected the optimizer's step, from 0 to 2^31 - 1") from error

    def flush(self) -> None:
        """Return when every append is on the disk.

        Raises:
            StoreError: The first error among the appends since the last call.
        """
        for writer in self._writing().every():
            writer.flush()

    def close(self) -> None:
        """Flush and let another process write the run; closing twice, or a store opened for reading, is no error."""
        if self._writers is not None:
            for writer in self._writers.every():
                writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RolloutStore({str(self.path)!r}, run_id={self.run_id!r})"

    def scan(self, *, steps: range | None = None, include_superseded: bool = False) -> "pl.LazyFrame":
        """Return the committed rollouts as a lazy frame: schema v1, the scores `reward_<name>`, and `run`.

        A column that a segment lacks is null in its rows. Float16 logprobs are widened to 32 bits.

        Args:
            steps: Of these steps of the optimizer alone, one after another. Other files are not opened, so that what it
                costs does not grow with the store.
            include_superseded: Add what resumes have moved aside, told apart by a column `is_superseded`.
        """
        import polars as pl

        live = self._scan_files(_LIVE, steps)
        if not include_superseded:
            return live
        superseded = self._scan_files(_SUPERSEDED, steps)
        marked = [live.with_columns(is_superseded=pl.lit(False)), superseded.with_columns(is_superseded=pl.lit(True))]
        return pl.concat(marked)

    def segments(self) -> list[Path]:
        """Return the files of the committed rollouts, in the order of run, step and writer."""
        # A list instead of the glob: the store's own path may hold characters that a glob would read.
        return sorted(self.path.glob(_LIVE))

    def scan_segments(self, segments: Sequence[Path]) -> "pl.LazyFrame":
        """Return the rollouts of some segments: schema v1, `run`, and the file's path as `segment`.

        What is larger than memory is read segment by segment. Scores `reward_<name>` are left out, as looking for them
        reads the footer of every segment.

        Args:
            segments: Some of what `segments` returns.
        """
        import polars as pl

        return _scan_files(segments, pl.DataFrame(_core.store_schema([])), path_column="segment")

    def _scan_files(self, pattern: str, steps: range | None = None) -> "pl.LazyFrame":
        import polars as pl

        if steps is not None and steps.step != 1:
            raise ConfigError(
                f"steps={steps} leaves steps out; give a range without a stride, and filter what it finds"
            )
        try:
            rewards = _core.store_reward_columns(self.path)
        except StoreError as error:
            raise StoreError(f"{error}; `twogrpo store check` lists what is wrong") from error
        empty = pl.DataFrame(_core.store_schema(rewards))
        files = sorted(self.path.glob(pattern))
        if steps is None:
            return _scan_files(files, empty)
        # A file may hold more steps than those.
        is_wanted = (pl.col("step") >= steps.start) & (pl.col("step") < steps.stop)
        return _scan_files([file for file in files if _holds(file, steps)], empty).filter(is_wanted)

    def check(self, *, deep: bool = False) -> CheckReport:
        """Return what is damaged, without changing anything.

        Args:
            deep: Read every byte as well, not only names, footers and the log. Bytes with the hash that the log has of
                them are those that were written; only others are decoded, to tell what is wrong with them.
        """
        segments, superseded, rows, size, tokenizers, problems = _core.store_check(self.path, deep)
        found = tuple(Problem(*problem) for problem in problems)
        return CheckReport(segments, superseded, rows, size, tuple(tokenizers), found)

    def info(self) -> StoreInfo:
        """Return the store in numbers, from what is committed; only the columns that it needs are read."""
        import polars as pl

        # First, as it names a segment that is cut off, which polars would not.
        superseded = self._scan_files(_SUPERSEDED).select(pl.len()).collect().item()
        segments = self.segments()
        counts = count_rows(self.scan_segments(part) for part in _by_steps(segments))
        return StoreInfo(
            **vars(counts),
            runs=tuple(counts.attempts),
            superseded_rows=superseded,
            bytes=sum(file.stat().st_size for file in segments),
        )

    def _writing(self) -> "_Writers":
        if self._writers is None:
            raise StoreError(f"{self.path} is open for reading; to write, open it with run_id")
        return self._writers


class _Writers:
    """The core's writers of one run in this process: the named one, and one for each further phase when it is met."""

    def __init__(self, path: Path, run_id: str, name: str, *, float16: bool, hashes: dict[str, str]) -> None:
        self.path, self.run_id, self.name, self.float16, self.hashes = path, run_id, name, float16, hashes
        self._by_name: dict[str, _core.StoreWriter] = {}
        self._lock = Lock()

    def open(self, name: str, resume_step: int | None = None, keep_ahead: str | None = None) -> _core.StoreWriter:
        writer = _core.StoreWriter(
            self.path,
            self.run_id,
            name,
            resume_step=resume_step,
            keep_ahead=keep_ahead,
            float16_logprobs=self.float16,
            config_hash=self.hashes.get("config_hash"),
            tokenizer_hash=self.hashes.get("tokenizer_hash"),
            template_hash=self.hashes.get("template_hash"),
        )
        self._by_name[name] = writer
        _warn(_recovery(writer))
        return writer

    @property
    def own(self) -> _core.StoreWriter:
        return self._by_name[self.name]

    def every(self) -> list[_core.StoreWriter]:
        return list(self._by_name.values())

    def name_for(self, phase: Phase) -> str:
        if phase in ("train", self.name):
            return self.name
        return phase if self.name == "w0" else f"{self.name}-{phase}"

    def for_phase(self, phase: Phase) -> _core.StoreWriter:
        name = self.name_for(phase)
        with self._lock:
            return self._by_name.get(name) or self.open(name)


def _scan_files(files: Sequence[Path], empty: "pl.DataFrame", path_column: str | None = None) -> "pl.LazyFrame":
    """Return the rows of some segments, with the columns of `empty` and those that the paths tell."""
    import polars as pl

    if not files:
        told = [name for name in ("run", path_column) if name is not None]
        return empty.with_columns(pl.lit(None, pl.String).alias(name) for name in told).lazy()
    return pl.scan_parquet(
        list(files),
        glob=False,
        schema=empty.schema,
        missing_columns="insert",
        extra_columns="ignore",
        cast_options=pl.ScanCastOptions(float_cast="upcast"),
        hive_partitioning=True,
        hive_schema={"run": pl.String},
        include_file_paths=path_column,
    )


def _by_steps(segments: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield segments in parts that are small in memory, those of one step together."""
    part: list[Path] = []
    size = 0
    for file in segments:
        is_new_step = not part or (file.parent, file.name.split(".")[0]) != (
            part[-1].parent,
            part[-1].name.split(".")[0],
        )
        if is_new_step and (len(part) >= _PART_FILES or size >= _PART_BYTES):
            yield part
            part, size = [], 0
        part.append(file)
        size += file.stat().st_size
    if part:
        yield part


def _holds(segment: Path, steps: range) -> bool:
    """Return whether a file, `step-00000012.w0.parquet` or `steps-00000000-00000063.w0.parquet`, has such a step."""
    named = _NAMED_STEPS.match(segment.name)
    if named is None:
        return True
    first, last = named.groups()
    return int(first) < steps.stop and int(last or first) >= steps.start


def _step_of(segment: Path) -> tuple[Path, str]:
    return segment.parent, segment.name.partition(".")[0]


def _find(path: Path) -> Path:
    """Return the store's folder, which may be `rollouts` of a run folder."""
    if path.is_file():
        raise StoreError(f"{path} is a file, expected the folder of a run or of a store")
    inside = path / "rollouts"
    is_run_folder = not (path / "_twogrpo").is_dir() and inside.is_dir()
    return inside if is_run_folder else path


def _typed(table: ArrowTable) -> ArrowTable:
    """Return a table whose columns of nothing but None have the schema's types: polars hands over none for them."""
    import polars as pl

    if not isinstance(table, pl.DataFrame) or pl.Null not in table.dtypes:
        return table
    known = pl.DataFrame(_core.store_schema([])).schema
    untyped = [name for name, kind in table.schema.items() if kind == pl.Null]
    return table.cast({name: known.get(name, pl.Float32) for name in untyped})


def _check_options(metadata: dict[str, str], logprob_dtype: str) -> dict[str, str]:
    unknown = sorted(metadata.keys() - set(_METADATA))
    if unknown:
        raise ConfigError(f"metadata {', '.join(unknown)} is not known; expected some of {', '.join(_METADATA)}")
    if logprob_dtype not in ("float32", "float16"):
        why = ", which would put ratios off by up to 6.4 %" if logprob_dtype == "bfloat16" else ""
        raise ConfigError(f"logprob_dtype={logprob_dtype!r} is not offered{why}; use float32 or float16")
    return metadata


def _recovery(writer: _core.StoreWriter) -> Recovery:
    removed, relogged, lost, quarantined = writer.recovery
    return Recovery(removed, tuple(relogged), tuple(lost), tuple(quarantined), writer.damaged_lines)


def _warn(recovery: Recovery) -> None:
    for name in recovery.lost:
        _logger.warning("segment %s is in the log and not in the store: its rollouts are lost", name)
    for name in recovery.quarantined:
        _logger.warning("segment moved to _quarantine: %s", name)
    if recovery.damaged_lines:
        _logger.warning("damaged lines of the log moved to _quarantine: %d", recovery.damaged_lines)
