"""Token ids of the pairs to train on, read from the store by rollout id; of text alone where none are stored.

They stay in Arrow's columns, four bytes an id, and become lists for one micro-batch at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from twogrpo.errors import DataError
from twogrpo.train.pair_text import PairText

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["PairData", "load_pair_data"]

Index = NDArray[np.int64]
Ids = list[list[int]]


@dataclass(frozen=True, eq=False)
class PairData:
    """Pairs in their built order, with every rollout once and every prompt once.

    Attributes:
        rollout_ids_B: The rollouts of all pairs, ascending, int64.
        rows_N2: Places of (chosen, rejected) in `rollout_ids_B`.
        prompts_B: Place of each rollout's prompt in `prompt_ids`.
        prompt_ids: Token ids of each prompt that differs from all others, in the order of lists; List(Int32).
        response_ids: Token ids of each rollout's response; List(Int32).
        tokenised: Rollouts that were stored without token ids, and whose text was tokenised.
    """

    rollout_ids_B: Index
    rows_N2: Index
    prompts_B: Index
    prompt_ids: "pl.Series"
    response_ids: "pl.Series"
    tokenised: int = 0

    @classmethod
    def of(cls, rollout_ids_N2: Index, rollouts: "pl.DataFrame", *, tokenised: int = 0) -> Self:
        """Return pairs with the token ids of their rollouts.

        Args:
            rollout_ids_N2: (chosen, rejected) of every pair.
            rollouts: Columns rollout_id, prompt_ids and response_ids; every rollout of a pair, once.
            tokenised: As the attribute.
        """
        # Column by column: a sorted table would be a second copy of every token.
        order = rollouts["rollout_id"].arg_sort()
        rollout_ids_B = rollouts["rollout_id"].gather(order).to_numpy()
        prompt_ids, prompts_B = _distinct(rollouts["prompt_ids"])
        rows_N2 = np.searchsorted(rollout_ids_B, rollout_ids_N2)
        response_ids = rollouts["response_ids"].gather(order)
        return cls(rollout_ids_B, rows_N2, prompts_B[order.to_numpy()], prompt_ids, response_ids, tokenised)

    def __len__(self) -> int:
        return len(self.rows_N2)

    @property
    def rollout_ids_N2(self) -> Index:
        """(chosen, rejected) of every pair."""
        return self.rollout_ids_B[self.rows_N2]

    def pin(self, path: Path, *, is_resumed: bool) -> None:
        """Write the pairs into the run folder, so that a resumed run can only go on with the same ones.

        Raises:
            DataError: The resumed run was trained on other pairs, or what it was trained on cannot be read.
        """
        import polars as pl

        columns = ["chosen_rollout_id", "rejected_rollout_id"]
        table = pl.DataFrame(self.rollout_ids_N2, schema=columns, orient="row")
        if not is_resumed or not path.exists():
            temporary = path.with_name(f".{path.name}.tmp")
            table.write_parquet(temporary)
            temporary.replace(path)
            return
        try:
            is_same = pl.read_parquet(path, glob=False).equals(table)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path} cannot be read ({error}); move it away to go on with today's pairs") from error
        if not is_same:
            raise DataError(
                f"{path}: the run was trained on other pairs; name the rollouts it began with, or a new run_dir"
            )

    def lengths_B(self) -> Index:
        """Return the tokens of every rollout, prompt included."""
        return self.prompt_ids.list.len().to_numpy()[self.prompts_B] + self.response_lengths_B()

    def response_lengths_B(self) -> Index:
        """Return the tokens of every rollout's response."""
        return self.response_ids.list.len().to_numpy().astype(np.int64)

    def lengths_N2(self) -> Index:
        """Return the same of the rollouts of every pair."""
        return self.lengths_B()[self.rows_N2]

    def items(self) -> "pl.DataFrame":
        """Return one item a pair for the batch plan, as long as both of its rollouts."""
        import polars as pl

        return pl.DataFrame(
            {"item_id": range(len(self)), "length": self.lengths_N2().sum(axis=1)},
            schema={"item_id": pl.Int64, "length": pl.Int32},
        )

    def sequences(self, pairs: Sequence[int]) -> tuple[Ids, Ids]:
        """Return prompts and responses of some pairs: all chosen rollouts, then all rejected ones."""
        return self.rollouts(self.rows_N2[list(pairs)].T.ravel())

    def rollouts(self, rows: Sequence[int] | Index) -> tuple[Ids, Ids]:
        """Return prompts and responses of some rollouts, by their places in `rollout_ids_B`."""
        rows = np.asarray(rows)
        return self.prompt_ids.gather(self.prompts_B[rows]).to_list(), self.response_ids.gather(rows).to_list()


def load_pair_data(store: "RolloutStore", pairs: "pl.DataFrame", text: PairText) -> PairData:
    """Return the token ids of a pair table: those that are stored, and of the text where none are.

    Args:
        store: Where the rollouts are.
        pairs: Columns chosen_rollout_id and rejected_rollout_id.
        text: Makes token ids of text.

    Raises:
        ConfigError: Text is to be tokenised, and the configured template cannot be used.
        DataError: There are no pairs, or a rollout is gone or has neither token ids nor text.
    """
    import polars as pl

    if pairs.is_empty():
        raise DataError(f"{store.path} makes no pair; `twogrpo pairs` counts its groups and says which are tied")
    rollout_ids_N2 = pairs.select("chosen_rollout_id", "rejected_rollout_id").to_numpy()
    wanted = pl.Series(rollout_ids_N2.ravel()).unique()
    found = _rows(store, wanted, "prompt_ids", "response_ids")
    lost = wanted.filter(~wanted.is_in(found["rollout_id"].implode()))
    if len(lost):
        raise DataError(
            f"{store.path} no longer has rollout {lost[0]} and {len(lost) - 1} others of its pairs; run again"
        )
    is_bare = found["prompt_ids"].is_null() | found["response_ids"].is_null()
    if is_bare.any():
        bare = found.filter(is_bare)
        written = _rows(store, bare["rollout_id"], "prompt", "response", "finish_reason")
        filled = text.fill(bare.join(written, on="rollout_id")).select(found.columns)
        found = pl.concat([found.filter(~is_bare), filled])
    return PairData.of(rollout_ids_N2, found, tokenised=int(is_bare.sum()))


def _rows(store: "RolloutStore", wanted: "pl.Series", *columns: str) -> "pl.DataFrame":
    import polars as pl

    rows = store.scan().select("rollout_id", *columns)
    return rows.filter(pl.col("rollout_id").is_in(wanted.implode())).collect()


def _distinct(ids: "pl.Series") -> "tuple[pl.Series, Index]":
    """Return the lists that differ, in the order of lists, and each one's place among them."""
    places_B = ids.rank("dense").to_numpy().astype(np.int64) - 1
    _, first = np.unique(places_B, return_index=True)
    return ids.gather(first), places_B
