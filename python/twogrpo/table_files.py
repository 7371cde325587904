"""Tables into files, .jsonl, .parquet or .csv: streamed, and in one step, so that no reader meets half a file."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from twogrpo.errors import ConfigError, DataError, TwoGrpoError
from twogrpo.row_files import STREAM

if TYPE_CHECKING:
    import polars as pl
    from typing_extensions import Buffer

__all__ = ["check_target", "csv_lines", "json_lines", "plain_errors", "replacing", "write_table"]

# Small enough that long texts fit into memory: a row group is written whole.
_ROW_GROUP = 8192


def check_target(target: str, option: str, *, kinds: tuple[str, ...], force: bool) -> None:
    """Refuse a file that cannot be written, before any work is done for it; `-` is stdout and always fits.

    Args:
        target: The file.
        option: What the user called it, such as `--out`.
        kinds: Endings that are offered, such as `.jsonl`.
        force: Whether a file that exists may be replaced.

    Raises:
        ConfigError: The ending is another one, or the file exists.
        DataError: Its folder does not.
    """
    if target == STREAM:
        return
    path = Path(target)
    if path.suffix not in kinds:
        raise ConfigError(f"{option} {target}: expected a file that ends in {' or '.join(kinds)}, or - for stdout")
    if path.is_dir() or (path.exists() and not force):
        found = "is a folder; name a file" if path.is_dir() else "already exists; add --force to replace it"
        raise ConfigError(f"{option} {target} {found}")
    if not path.parent.is_dir():
        raise DataError(f"{option} {target}: there is no folder {path.parent}; make it first")


def write_table(rows: "pl.LazyFrame", target: str, option: str) -> None:
    """Write rows as the file's ending says, or as JSON lines to stdout where the target is `-`.

    The rows are streamed. A file appears under its name only when it is whole and on the disk.

    Raises:
        DataError: The file cannot be written.
    """
    if target == STREAM:
        for line in json_lines(rows):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    with replacing(path, option) as file, plain_errors(file) as sink:
        if path.suffix == ".parquet":
            rows.sink_parquet(sink, row_group_size=_ROW_GROUP)
        elif path.suffix == ".csv":
            _flat(rows).sink_csv(sink)
        else:
            rows.sink_ndjson(sink)


def json_lines(rows: "pl.LazyFrame") -> Iterator[bytes]:
    """Yield the rows as JSON lines, many lines a time; NaN and infinities become null, which is what JSON has."""
    for batch in rows.collect_batches():
        if not batch.is_empty():
            yield batch.write_ndjson().encode()


def csv_lines(rows: "pl.LazyFrame") -> Iterator[bytes]:
    """Yield the rows as lines of CSV below a line of names, many lines a time; lists are JSON text."""
    flat = _flat(rows)
    yield flat.head(0).collect().write_csv().encode()
    for batch in flat.collect_batches():
        yield batch.write_csv(include_header=False).encode()


def _flat(rows: "pl.LazyFrame") -> "pl.LazyFrame":
    """Return the rows with lists and structs as JSON text, since CSV has no nested columns."""
    import polars as pl

    nested = [name for name, kind in rows.collect_schema().items() if kind.is_nested()]
    return rows.with_columns(pl.col(name).map_batches(_json_text, return_dtype=pl.String) for name in nested)


def _json_text(column: "pl.Series") -> "pl.Series":
    import polars as pl

    texts = [None if value is None else json.dumps(value, default=str) for value in column.to_list()]
    return pl.Series(column.name, texts, dtype=pl.String)


class _Recorder(BytesIO):
    """Passes bytes on to a file and keeps the error of a write."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self.error: OSError | None = None

    def write(self, data: "Buffer", /) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise


@contextmanager
def plain_errors(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give a file for polars to write to, and raise a failed write as the system said it.

    Polars words one as if the rows that it reads were damaged, and then does not say that the disk is full.
    """
    recorder = _Recorder(file)
    try:
        yield recorder
    except Exception as error:
        if recorder.error is not None:
            raise recorder.error from error
        raise


@contextmanager
def replacing(path: Path, option: str) -> Iterator[IO[bytes]]:
    """Give a file beside `path` that takes its name once it is whole and synced, and is removed after an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except TwoGrpoError:
        raise
    except OSError as error:
        raise DataError(f"{option} {path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
