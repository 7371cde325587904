"""The ways to keep rollouts that `store.py` measures: ours, and what a user would otherwise reach for.

Ours, pyarrow, polars and JSONL end each append on the disk: the files of pyarrow and polars are written under another
name, synced, renamed, their folder synced, and a line of a log synced. Delta Lake and Lance do not sync, so that their
appends do less; their names say so. Peers are handed the columns that our store derives, so that none pays for them.
"""

import json
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import polars as pl
import pyarrow as pa
from pyarrow import compute, dataset, parquet

from twogrpo import RolloutStore

__all__ = ["OURS", "PYARROW", "SIDES", "Side", "commit", "missing_peers", "with_derived"]

OURS, PYARROW = "ours", "pyarrow"
# Dictionaries serve everything but long text and numbers that hardly repeat.
PLAIN = ("response", "logprobs.list.element")
LISTS = ("prompt_ids", "response_ids", "logprobs")


class Side(Protocol):
    """One way to keep rollouts, in a folder of its own."""

    def append(self, table: pl.DataFrame, step: int) -> None:
        """Store a step's rollouts; `table` is what `prepare` returned."""

    def prepare(self, table: pl.DataFrame, step: int) -> Any:  # noqa: ANN401  # what the side's library takes
        """Return the rows as the side's caller has them at hand."""

    def columns(self, names: Sequence[str]) -> Any:  # noqa: ANN401  # a table of the side's library
        """Return some columns of everything."""

    def group(self, group_id: int) -> Any:  # noqa: ANN401  # a table of the side's library
        """Return the rollouts of a group."""

    def steps(self, steps: Sequence[int]) -> Any:  # noqa: ANN401  # a table of the side's library
        """Return the rollouts of some steps."""


class PolarsReads:
    """Reading with polars."""

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        return self.rows().select(names).collect()

    def group(self, group_id: int) -> pl.DataFrame:
        return self.rows().filter(pl.col("group_id") == group_id).collect()

    def steps(self, steps: Sequence[int]) -> pl.DataFrame:
        return self.rows().filter(pl.col("step").is_in(steps)).collect()

    def rows(self) -> pl.LazyFrame:
        raise NotImplementedError


class Ours(PolarsReads):
    """The rollout store, read by polars."""

    name = "twogrpo"

    def __init__(
        self, folder: Path, writer: str = "w0", logprob_dtype: Literal["float32", "float16"] = "float32"
    ) -> None:
        self._folder = folder
        self.store = RolloutStore.open(folder, run_id="bench", writer=writer, logprob_dtype=logprob_dtype)

    def prepare(self, table: pl.DataFrame, step: int) -> pl.DataFrame:  # noqa: ARG002  # the store derives the rest
        return table

    def append(self, table: pl.DataFrame, step: int) -> None:
        self.store.append(table, step)
        self.store.flush()

    def rows(self) -> pl.LazyFrame:
        return RolloutStore.open(self._folder).scan()


class Polars(PolarsReads):
    """Parquet files of polars, one a step."""

    name = f"polars {pl.__version__}, zstd 3, same durability"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, table: pl.DataFrame, step: int) -> pl.DataFrame:
        return with_derived(table, step)

    def append(self, table: pl.DataFrame, step: int) -> None:
        def write(file: IO[bytes]) -> None:
            table.write_parquet(file, compression="zstd", compression_level=3)

        commit(self._folder, step, write, rows=table.height)

    def rows(self) -> pl.LazyFrame:
        return pl.scan_parquet(self._folder / "*.parquet")


class Pyarrow:
    """Parquet files of pyarrow, one a step, tuned as well as it can be."""

    name = f"pyarrow {pa.__version__}, tuned, zstd 1, same durability"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, table: pl.DataFrame, step: int) -> pa.Table:
        return with_derived(table, step).to_arrow(compat_level=pl.CompatLevel.oldest())

    def append(self, table: pa.Table, step: int) -> None:
        names = [field.name for field in table.schema]
        leaves = [f"{name}.list.element" if name in LISTS else name for name in names]
        texts = {field.name for field in table.schema if pa.types.is_large_string(field.type)}
        settings: dict[str, Any] = {
            "compression": "zstd",
            "compression_level": 1,
            "use_dictionary": [leaf for leaf in leaves if leaf not in PLAIN],
            "use_byte_stream_split": ["logprobs.list.element"],
            "write_statistics": [leaf for leaf in leaves if leaf not in texts],
        }
        write: Callable[[IO[bytes]], None] = lambda file: parquet.write_table(table, file, **settings)  # noqa: E731
        commit(self._folder, step, write, rows=table.num_rows)

    def columns(self, names: Sequence[str]) -> pa.Table:
        return self._rows().to_table(columns=list(names))

    def group(self, group_id: int) -> pa.Table:
        return self._rows().to_table(filter=compute.field("group_id") == group_id)

    def steps(self, steps: Sequence[int]) -> pa.Table:
        return self._rows().to_table(filter=compute.field("step").isin(list(steps)))

    def _rows(self) -> dataset.Dataset:
        return dataset.dataset(sorted(str(file) for file in self._folder.glob("*.parquet")))


class Jsonl(PolarsReads):
    """Lines of JSON, as trainers dump them."""

    name = "JSONL with fsync, read by polars"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "rollouts.jsonl"

    def prepare(self, table: pl.DataFrame, step: int) -> list[dict[str, Any]]:
        return with_derived(table, step).drop("created_at").to_dicts()

    def append(self, table: list[dict[str, Any]], step: int) -> None:  # noqa: ARG002  # one file for all steps
        with self._file.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in table)
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> pl.LazyFrame:
        return pl.scan_ndjson(self._file)


class Delta(PolarsReads):
    """A Delta Lake table."""

    name = "deltalake, no fsync"

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._library = import_module("deltalake")
        type(self).name = f"deltalake {version('deltalake')}, no fsync"

    def prepare(self, table: pl.DataFrame, step: int) -> pa.Table:
        return with_derived(table, step).to_arrow(compat_level=pl.CompatLevel.oldest())

    def append(self, table: pa.Table, step: int) -> None:  # noqa: ARG002  # the table has it as a column
        self._library.write_deltalake(self._folder, table, mode="append")

    def rows(self) -> pl.LazyFrame:
        return pl.scan_delta(self._folder)


class Lance:
    """A Lance dataset."""

    name = "Lance, no fsync"

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder / "rollouts.lance")
        self._library = import_module("lance")
        type(self).name = f"Lance {version('pylance')}, no fsync"

    def prepare(self, table: pl.DataFrame, step: int) -> pa.Table:
        return with_derived(table, step).to_arrow(compat_level=pl.CompatLevel.oldest())

    def append(self, table: pa.Table, step: int) -> None:
        self._library.write_dataset(table, self._folder, mode="append" if step else "create")

    def columns(self, names: Sequence[str]) -> pa.Table:
        return self._rows().to_table(columns=list(names))

    def group(self, group_id: int) -> pa.Table:
        return self._rows().to_table(filter=f"group_id = {group_id}")

    def steps(self, steps: Sequence[int]) -> pa.Table:
        return self._rows().to_table(filter=f"step in ({', '.join(map(str, steps))})")

    def _rows(self) -> Any:  # noqa: ANN401  # a dataset of lance
        return self._library.dataset(self._folder)


SIDES: dict[str, Callable[[Path], Side]] = {
    OURS: Ours,
    PYARROW: Pyarrow,
    "polars": Polars,
    "deltalake": Delta,
    "lance": Lance,
    "jsonl": Jsonl,
}


def missing_peers() -> list[str]:
    """Return the sides whose library is not installed here."""
    missing = []
    for name in ("deltalake", "lance"):
        try:
            import_module(name)
        except ImportError:
            missing.append(name)
    return missing


def with_derived(table: pl.DataFrame, step: int) -> pl.DataFrame:
    """Return the rows with what our store adds to them."""
    from twogrpo import _core

    ids = [_core.prompt_id("numina-math", prompt) for prompt in table["prompt"]]
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    return table.with_columns(
        run_id=pl.lit("bench"),
        writer=pl.lit("w0"),
        phase=pl.lit("train"),
        attempt=pl.lit(1, pl.Int16),
        step=pl.lit(step, pl.Int32),
        rollout_id=(number + step * table.height).hash(seed=0).reinterpret(signed=True),
        prompt_id=pl.Series(ids),
        logprob_sum=pl.col("logprobs").cast(pl.List(pl.Float64)).list.sum(),
        prompt_len=pl.col("prompt_ids").list.len().cast(pl.Int32),
        response_len=pl.col("response_ids").list.len().cast(pl.Int32),
        created_at=pl.lit("2026-01-01").str.to_datetime(time_zone="UTC"),
    )


def commit(folder: Path, step: int, write: Callable[[IO[bytes]], object], *, rows: int) -> None:
    """Write a file that is on the disk, name, log line and all, when this returns."""
    temporary, final = folder / f".{step}.tmp", folder / f"step-{step:08}.parquet"
    with temporary.open("xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(final)
    _sync_folder(folder)
    with (folder / "log").open("a") as log:
        log.write(json.dumps({"file": final.name, "rows": rows, "bytes": final.stat().st_size}) + "\n")
        log.flush()
        os.fsync(log.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
