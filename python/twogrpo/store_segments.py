"""The files of a store's rollouts, and their rows as polars reads them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo import _core
from twogrpo.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LIVE", "SUPERSEDED", "in_parts", "scan_files", "scan_folder", "segment_files"]

LIVE = "run=*/*.parquet"
"""Where the committed rollouts stand in a store."""

SUPERSEDED = "_superseded/run=*/attempt-*/*.parquet"
"""Where resumes have moved theirs aside."""

_NAMED_STEPS = re.compile(r"steps?-(\d+)(?:-(\d+))?\.")
# What is counted part by part ends a part at either bound.
_PART_FILES, _PART_BYTES = 256, 1 << 28


def segment_files(store: Path, pattern: str, steps: range | None = None) -> list[Path]:
    """Return the files of a store's folder, in the order of run, step and writer.

    Args:
        store: The folder.
        pattern: `LIVE` or `SUPERSEDED`.
        steps: Only files that hold some of these steps; a compacted one may hold others as well.
    """
    # A list instead of the glob: the store's own path may hold characters that a glob would read.
    files = sorted(store.glob(pattern))
    return files if steps is None else [file for file in files if _holds(file, steps)]


def scan_folder(store: Path, pattern: str, steps: range | None = None) -> "pl.LazyFrame":
    """Return the rows of a store's files with all their columns; the arguments are those of `segment_files`.

    Raises:
        ConfigError: `steps` has a stride.
        StoreError: A footer cannot be read.
    """
    import polars as pl

    if steps is not None and steps.step != 1:
        raise ConfigError(f"steps={steps} leaves steps out; give a range without a stride, and filter what it finds")
    try:
        rewards = _core.store_reward_columns(store)
    except StoreError as error:
        raise StoreError(f"{error}; `twogrpo store check` lists what is wrong") from error
    rows = scan_files(segment_files(store, pattern, steps), rewards)
    if steps is None:
        return rows
    # A file may hold more steps than those.
    return rows.filter((pl.col("step") >= steps.start) & (pl.col("step") < steps.stop))


def scan_files(files: Sequence[Path], rewards: Iterable[str] = (), *, path_column: str | None = None) -> "pl.LazyFrame":
    """Return the rows of some files: schema v1, and what the paths tell.

    Args:
        files: Segments.
        rewards: Names of the columns `reward_<name>` to read.
        path_column: A name for the file's path as a column.
    """
    import polars as pl

    empty = pl.DataFrame(_core.store_schema(list(rewards)))
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


def in_parts(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield live segments in parts that are small in memory, those of one step together."""
    part: list[Path] = []
    size = 0
    for file in files:
        is_full = len(part) >= _PART_FILES or size >= _PART_BYTES
        if is_full and _step_of(file) != _step_of(part[-1]):
            yield part
            part, size = [], 0
        part.append(file)
        size += file.stat().st_size
    if part:
        yield part


def _step_of(segment: Path) -> tuple[Path, str]:
    return segment.parent, segment.name.partition(".")[0]


def _holds(segment: Path, steps: range) -> bool:
    """Return whether a file, `step-00000012.w0.parquet` or `steps-00000000-00000063.w0.parquet`, has such a step."""
    named = _NAMED_STEPS.match(segment.name)
    if named is None:
        return True
    first, last = named.groups()
    return int(first) < steps.stop and int(last or first) >= steps.start
