"""Verdicts of another verifier beside the segments, by rollout id, so that those that were trained on stay.

One table a run and verifier, `_verdicts/run=<run_id>/<verifier>.parquet`; a colon of the verifier's name is a `-` in
the file's, and stands in the column `verifier`.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from twogrpo.disk_sync import sync
from twogrpo.errors import DataError, StoreError
from twogrpo.table_files import plain_errors

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["VERDICT_TABLE", "copy_verdicts", "purge_verdicts", "scan_with_verdicts", "verdicts", "write_verdicts"]

VERDICT_TABLE = ("rollout_id", "prompt_id", "verifier", "correct", "status", "rule", "extracted", "reward")
"""The columns of a table of verdicts."""

_TABLES = "_verdicts/run=*/*.parquet"


def verdicts(store: "RolloutStore", verifier: str | None = None) -> "pl.LazyFrame":
    """Return the verdicts that `reverify` has kept: columns `VERDICT_TABLE`, one row a rollout and verifier.

    Args:
        store: Where they are.
        verifier: Only those under this name, such as `twogrpo@0.1.0:rl`.

    Raises:
        DataError: There are none.
    """
    import polars as pl

    files = sorted(store.path.glob(_TABLES))
    if verifier is not None:
        files = [file for file in files if file.name == _file_name(verifier)]
    if not files:
        under = f" under {verifier}" if verifier else ""
        raise DataError(f"{store.path} keeps no verdicts{under}; `twogrpo store reverify RUN --write` makes them")
    return pl.scan_parquet(files, glob=False, hive_partitioning=False)


def scan_with_verdicts(store: "RolloutStore", verifier: str) -> "pl.LazyFrame":
    """Return the rollouts as `RolloutStore.scan` does, judged by kept verdicts of one verifier where there are some.

    `build_pairs` takes it in the place of the store. Correct, status, rule, extracted, verifier and reward are those of
    the verdict; advantage and is_inert stay as they were trained on.

    Args:
        store: Where rollouts and verdicts are.
        verifier: Whose verdicts, such as `twogrpo@0.1.0:rl`.

    Raises:
        DataError: There are no verdicts under this name.
    """
    import polars as pl

    kept = verdicts(store, verifier).drop("prompt_id").with_columns(is_judged=True)
    replaced = [name for name in VERDICT_TABLE if name not in ("rollout_id", "prompt_id")]
    rows = store.scan()
    joined = rows.join(kept, on="rollout_id", how="left", suffix="_kept", maintain_order="left")
    is_judged = pl.col("is_judged").fill_null(value=False)
    chosen = [pl.when(is_judged).then(f"{name}_kept").otherwise(name).alias(name) for name in replaced]
    return joined.with_columns(chosen).select(rows.collect_schema().names())


def write_verdicts(store: "RolloutStore", judged: "pl.LazyFrame", run_id: str, verifier: str) -> Path:
    """Write the verdicts of one run, in the place of earlier ones under the same name, and return their file.

    Raises:
        StoreError: The file cannot be written.
    """
    path = store.path / "_verdicts" / f"run={run_id}" / _file_name(verifier)
    _write(path, judged.select(VERDICT_TABLE))
    return path


def copy_verdicts(store: "RolloutStore", copy: "RolloutStore") -> int:
    """Put a store's verdicts on the rollouts that a copy of it holds into the copy, and return how many those are.

    Raises:
        StoreError: A table cannot be read, or not be written.
    """
    import polars as pl

    tables = sorted(store.path.glob(_TABLES))
    if not tables:
        return 0
    is_there = pl.col("rollout_id").is_in(copy.scan().select("rollout_id").collect().to_series().implode())
    copied = 0
    for path in tables:
        rows = _read(path).filter(is_there)
        if rows.height:
            _write(copy.path / path.relative_to(store.path), rows.lazy())
        copied += rows.height
    return copied


def purge_verdicts(store: "RolloutStore", prompt_ids: Sequence[str], *, dry_run: bool) -> int:
    """Remove the verdicts on some prompts' rollouts from every table, and return how many there were."""
    import polars as pl

    is_meant = pl.col("prompt_id").is_in(list(prompt_ids))
    removed = 0
    for path in sorted(store.path.glob(_TABLES)):
        rows = _read(path)
        found = rows.filter(is_meant).height
        removed += found
        if found and not dry_run:
            _write(path, rows.filter(~is_meant).lazy())
    return removed


def _read(path: Path) -> "pl.DataFrame":
    import polars as pl

    try:
        return pl.read_parquet(path, hive_partitioning=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise StoreError(
            f"{path} cannot be read ({reason}); remove it and run `twogrpo store reverify --write`"
        ) from error


def _file_name(verifier: str) -> str:
    return f"{verifier.replace(':', '-')}.parquet"


def _write(path: Path, rows: "pl.LazyFrame") -> None:
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
            sync(folder.parent)
        with _private(path) as file, plain_errors(file) as sink:
            rows.sink_parquet(sink)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """Give a file for the owner alone that takes the name `path` once it is whole and on the disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
