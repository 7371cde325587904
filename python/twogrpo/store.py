"""The rollout store: every rollout of a run in Parquet segments that survive a crash.

Appending, resuming, recovering and checking are the Rust core's; reading is polars over the segments. Any other
reader of Parquet takes the glob `run=*/*.parquet` of the store's folder.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from twogrpo import _core
from twogrpo.errors import ConfigError, DataError, StoreError
from twogrpo.store_info import StoreInfo, count_rows
from twogrpo.store_reports import CheckReport, Problem, Recovery, check_folder, recovery_of, repair_folder
from twogrpo.store_segments import LIVE, SUPERSEDED, in_parts, scan_files, scan_folder, segment_files
from twogrpo.store_writers import Phase, RunWriters

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ArrowTable", "CheckReport", "Problem", "Recovery", "RolloutStore", "StoreInfo"]

_STEPS = 2**31


class ArrowTable(Protocol):
    """A table of polars, pyarrow, pandas, duckdb or any other library that speaks the Arrow C stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class RolloutStore:
    """A rollout store, open for reading, or for writing one run as well. Made by `RolloutStore.open`."""

    def __init__(self, path: Path, writers: "RunWriters | None") -> None:
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
        writers = RunWriters(folder, run_id, writer or "w0", metadata=metadata, logprob_dtype=logprob_dtype)
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
        return repair_folder(_find(Path(path)), deep=deep)

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
        return recovery_of(self._writers.own) if self._writers else None

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

        live = scan_folder(self.path, LIVE, steps)
        if not include_superseded:
            return live
        superseded = scan_folder(self.path, SUPERSEDED, steps)
        marked = [live.with_columns(is_superseded=pl.lit(False)), superseded.with_columns(is_superseded=pl.lit(True))]
        return pl.concat(marked)

    def segments(self, *, steps: range | None = None) -> list[Path]:
        """Return the files of the committed rollouts, in the order of run, step and writer.

        Args:
            steps: Only files that hold some of these steps; a compacted one may hold others as well.
        """
        return segment_files(self.path, LIVE, steps)

    def scan_segments(self, segments: Sequence[Path]) -> "pl.LazyFrame":
        """Return the rollouts of some segments: schema v1, `run`, and the file's path as `segment`.

        What is larger than memory is read segment by segment. Scores `reward_<name>` are left out, as looking for them
        reads the footer of every segment.

        Args:
            segments: Some of what `segments` returns.
        """
        return scan_files(segments, path_column="segment")

    def check(self, *, deep: bool = False) -> CheckReport:
        """Return what is damaged, without changing anything.

        Args:
            deep: Read every byte as well, not only names, footers and the log. Bytes with the hash that the log has of
                them are those that were written; only others are decoded, to tell what is wrong with them.
        """
        return check_folder(self.path, deep=deep)

    def info(self) -> StoreInfo:
        """Return the store in numbers, from what is committed; only the columns that it needs are read."""
        import polars as pl

        # First, as it names a segment that is cut off, which polars would not.
        superseded = scan_folder(self.path, SUPERSEDED).select(pl.len()).collect().item()
        segments = self.segments()
        counts = count_rows(self.scan_segments(part) for part in in_parts(segments))
        return StoreInfo(
            **vars(counts),
            runs=tuple(counts.attempts),
            superseded_rows=superseded,
            bytes=sum(file.stat().st_size for file in segments),
        )

    def _writing(self) -> "RunWriters":
        if self._writers is None:
            raise StoreError(f"{self.path} is open for reading; to write, open it with run_id")
        return self._writers


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
