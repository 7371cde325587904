"""Token ids of the pairs to train on, read from the store by rollout id; of text alone where none are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.errors import DataError
from twogrpo.train.pair_text import PairText

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["PairData", "load_pair_data"]


@dataclass(frozen=True)
class PairData:
    """Pairs in their built order.

    Attributes:
        rollout_ids: (chosen, rejected) of every pair.
        prompt_ids: Token ids of the prompt, by rollout id.
        response_ids: Token ids of the response, by rollout id.
        tokenised: Rollouts that were stored without token ids, and whose text was tokenised.
    """

    rollout_ids: list[tuple[int, int]]
    prompt_ids: dict[int, list[int]]
    response_ids: dict[int, list[int]]
    tokenised: int = 0

    def __len__(self) -> int:
        return len(self.rollout_ids)

    def pin(self, path: Path, *, is_resumed: bool) -> None:
        """Write the pairs into the run folder, so that a resumed run can only go on with the same ones.

        Raises:
            DataError: The resumed run was trained on other pairs, or what it was trained on cannot be read.
        """
        import polars as pl

        columns = ["chosen_rollout_id", "rejected_rollout_id"]
        table = pl.DataFrame(self.rollout_ids, schema=columns, orient="row")
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

    def length(self, rollout_id: int) -> int:
        """Return the tokens of one rollout, prompt included."""
        return len(self.prompt_ids[rollout_id]) + len(self.response_ids[rollout_id])

    def items(self) -> "pl.DataFrame":
        """Return one item a pair for the batch plan, as long as both of its rollouts."""
        import polars as pl

        lengths = [self.length(chosen) + self.length(rejected) for chosen, rejected in self.rollout_ids]
        return pl.DataFrame(
            {"item_id": range(len(self)), "length": lengths}, schema={"item_id": pl.Int64, "length": pl.Int32}
        )

    def sequences(self, pairs: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
        """Return prompts and responses of some pairs: all chosen rollouts, then all rejected ones."""
        order = [self.rollout_ids[pair][side] for side in (0, 1) for pair in pairs]
        return [self.prompt_ids[row] for row in order], [self.response_ids[row] for row in order]


def load_pair_data(store: "RolloutStore", pairs: "pl.DataFrame", text: PairText) -> PairData:
    """Return the token ids of a pair table: those that are stored, and of the text where none are.

    Args:
        store: Where the rollouts are.
        pairs: Columns chosen_rollout_id and rejected_rollout_id.
        text: Makes token ids of text.

    Raises:
        ConfigError: Text is to be tokenised, and the configured template cannot be used.
        DataError: There are no pairs, or a rollout has neither token ids nor text.
    """
    import polars as pl

    if pairs.is_empty():
        raise DataError(f"{store.path} makes no pair; `twogrpo pairs` counts its groups and says which are tied")
    rollout_ids = list(pairs.select("chosen_rollout_id", "rejected_rollout_id").iter_rows())
    wanted = pl.Series([row for pair in rollout_ids for row in pair], dtype=pl.Int64).unique()
    found = _rows(store, wanted, "prompt_ids", "response_ids")
    is_bare = found["prompt_ids"].is_null() | found["response_ids"].is_null()
    if is_bare.any():
        bare = found.filter(is_bare)
        written = _rows(store, bare["rollout_id"], "prompt", "response", "finish_reason")
        filled = text.fill(bare.join(written, on="rollout_id")).select(found.columns)
        found = pl.concat([found.filter(~is_bare), filled])
    keys = found["rollout_id"].to_list()
    prompt_ids = dict(zip(keys, found["prompt_ids"].to_list(), strict=True))
    response_ids = dict(zip(keys, found["response_ids"].to_list(), strict=True))
    return PairData(rollout_ids, prompt_ids, response_ids, tokenised=int(is_bare.sum()))


def _rows(store: "RolloutStore", wanted: "pl.Series", *columns: str) -> "pl.DataFrame":
    import polars as pl

    rows = store.scan().select("rollout_id", *columns)
    return rows.filter(pl.col("rollout_id").is_in(wanted.implode())).collect()
