"""Files of answers to files of verdicts, a chunk of rows at a time: neither has to fit into memory."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, TypeAlias

from twogrpo.answer_rows import AnswerRow, RowMode, read_answers
from twogrpo.errors import ConfigError, DataError
from twogrpo.row_files import STREAM
from twogrpo.table_files import check_target, plain_errors, replacing
from twogrpo.verifier import verifier_name, verify_batch

if TYPE_CHECKING:
    import polars as pl

_Write: TypeAlias = "Callable[[Sequence[AnswerRow], pl.DataFrame], None]"

__all__ = ["VERDICT_COLUMNS", "VerdictCounts", "verify_file"]

VERDICT_COLUMNS = ("id", "correct", "status", "rule", "extracted")
"""The columns of a file of verdicts, in their order."""

# A chunk ends at either bound; a single row is at most as long as its file says.
_CHUNK_ROWS = 8192
_CHUNK_CHARACTERS = 1 << 24
_INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True)
class VerdictCounts:
    """What became of the rows of a file."""

    rows: int
    correct: int
    status: Mapping[str, int]
    """Rows by status, the most frequent first; statuses that did not occur are left out."""


def verify_file(
    source: str | Path,
    out: str | Path,
    *,
    profile: str = "rl",
    mode: RowMode | None = None,
    extract: Sequence[str] | None = None,
) -> VerdictCounts:
    """Write a verdict for each row of a file, in the order of the rows, and return how many there are of each status.

    Args:
        source: A .jsonl or .parquet file as `read_answers` reads it, or `-` for JSON lines on stdin.
        out: A .jsonl or .parquet file, or `-` for JSON lines on stdout. The columns are `id` (the row's own, or its
            number), `correct`, `status`, `rule` and `extracted`, null where there is none. A file appears, or takes the
            place of another one, only when it is whole.
        profile: As in `twogrpo.verify`.
        mode: As in `read_answers`.
        extract: As in `twogrpo.verify`.

    Raises:
        ConfigError: If a file is of another kind, or out is the source.
        DataError: If a row is unusable, whose place is named, or out cannot be written.
        VerifyError: If the profile or an extraction rule is unknown.
    """
    source, out = str(source), str(out)
    verifier_name(profile, extract)
    check_target(out, "--out", kinds=(".jsonl", ".parquet"), force=True)
    _check_other_file(source, out)
    counts: Counter[str] = Counter()
    with _writing(out) as write:
        for rows in _chunks(read_answers(source, mode=mode)):
            verdicts = _verdicts(rows, profile, extract)
            counts.update(verdicts["status"])
            write(rows, verdicts)
    return VerdictCounts(counts.total(), counts["match"], dict(counts.most_common()))


def _check_other_file(source: str, out: str) -> None:
    if out == STREAM or not Path(out).exists():
        return
    if not Path(out).is_file():
        raise ConfigError(f"--out {out} is no ordinary file; use - for stdout")
    if source != STREAM and Path(source).exists() and Path(source).samefile(out):
        raise ConfigError(f"--out {out} is the file of rows itself; name another file")


def _chunks(rows: Iterable[AnswerRow]) -> Iterator[list[AnswerRow]]:
    chunk: list[AnswerRow] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(row.text) + sum(map(len, row.golds))
        if len(chunk) == _CHUNK_ROWS or characters >= _CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _verdicts(rows: Sequence[AnswerRow], profile: str, extract: Sequence[str] | None) -> "pl.DataFrame":
    """Return the verdicts on rows of several modes, in their order."""
    import polars as pl

    parts = []
    for mode in sorted({row.mode for row in rows}):
        places = [place for place, row in enumerate(rows) if row.mode == mode]
        texts, golds = [rows[place].text for place in places], [list(rows[place].golds) for place in places]
        verdicts = verify_batch(texts, golds, profile=profile, mode=mode, extract=extract)
        parts.append(verdicts.with_columns(place=pl.Series(places)))
    return pl.concat(parts).sort("place").select(VERDICT_COLUMNS[1:])


@contextmanager
def _writing(out: str) -> Iterator[_Write]:
    """Give a function that writes a chunk; a file takes its name when the block ends without an error."""
    if out == STREAM:
        yield _write_lines_to(sys.stdout.buffer)
        return
    # Through a link its target is replaced, not the link.
    path = Path(os.path.realpath(out))
    with replacing(path, "--out") as file:
        if path.suffix == ".jsonl":
            yield _write_lines_to(file)
            return
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            parts = _Parts(Path(folder))
            yield parts.write
            parts.join(file)


def _write_lines_to(file: IO[bytes]) -> _Write:
    def write(rows: Sequence[AnswerRow], verdicts: "pl.DataFrame") -> None:
        for row, verdict in zip(rows, verdicts.iter_rows(named=True), strict=True):
            file.write(json.dumps({"id": row.id, **verdict}, ensure_ascii=False).encode() + b"\n")
        file.flush()

    return write


class _Parts:
    """Chunks as Parquet files of their own, as polars appends to none; joined at the end without being held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[Path] = []
        self._id_type: type | None = None

    def write(self, rows: Sequence[AnswerRow], verdicts: "pl.DataFrame") -> None:
        self._id_type = self._id_type or type(rows[0].id)
        name = self._folder / f"{len(self._names):06}.parquet"
        frame = verdicts.insert_column(0, _id_column(rows, self._id_type))
        with name.open("wb") as file, plain_errors(file) as sink:
            frame.write_parquet(sink)
        self._names.append(name)

    def join(self, file: IO[bytes]) -> None:
        import polars as pl

        with plain_errors(file) as sink:
            pl.scan_parquet(self._names, glob=False).sink_parquet(sink)


def _id_column(rows: Sequence[AnswerRow], id_type: type) -> "pl.Series":
    """Return the ids as a column of the first id's type.

    Raises:
        DataError: If an id is of another type, or an integer that the column cannot hold.
    """
    import polars as pl

    for row in rows:
        is_long = isinstance(row.id, int) and not _INT64.start <= row.id < _INT64.stop
        if type(row.id) is not id_type or is_long:
            found = "an integer of more than 64 bits" if is_long else f"of type {type(row.id).__name__}"
            raise DataError(
                f"{row.place}: the id is {found} and the first one of type {id_type.__name__}, but a column of Parquet "
                "has one type; write the verdicts to a .jsonl file"
            )
    types = {str: pl.String(), int: pl.Int64(), float: pl.Float64(), bool: pl.Boolean()}
    return pl.Series("id", [row.id for row in rows], dtype=types.get(id_type, pl.Null()))
