"""Pairs beside the rollouts that they name, read segment by segment, so that memory holds one segment at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from twogrpo.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["pair_rollouts"]

# What a pair's two rollouts share, and what each has of its own.
_SHARED = ("run_id", "step", "group_id", "prompt", "gold", "prompt_ids")
_OWN = ("response", "response_ids", "response_len", "reward", "finish_reason")


def pair_rollouts(store: "RolloutStore", pairs: "pl.DataFrame") -> Iterator["pl.DataFrame"]:
    """Yield the pairs with their rollouts' columns, the pairs of one segment at a time, in the order of the store.

    Args:
        store: Where the rollouts are.
        pairs: What `build_pairs` returns.

    Yields:
        The columns of `pairs`; those that both rollouts share (run_id, step, group_id, prompt, gold, prompt_ids: the
        chosen's, where the two are of different draws); and response, response_ids, response_len, reward and
        finish_reason of each, as `chosen_...` and `rejected_...`.

    Raises:
        DataError: The store does not hold a rollout that a pair names.
    """
    import polars as pl

    located = _located(store, pairs)
    for part in located.partition_by("chosen_segment", maintain_order=True):
        files = part["chosen_segment"].append(part["rejected_segment"]).unique(maintain_order=True)
        wanted = part["chosen_rollout_id"].append(part["rejected_rollout_id"]).unique()
        rows = (
            store.scan_segments(files.to_list())
            .filter(pl.col("rollout_id").is_in(wanted.implode()))
            .select("rollout_id", *_SHARED, *_OWN)
            .collect()
        )
        chosen = rows.rename({name: f"chosen_{name}" for name in ("rollout_id", *_OWN)})
        rejected = rows.select("rollout_id", *_OWN).select(pl.all().name.prefix("rejected_"))
        yield (
            part.drop("chosen_segment", "rejected_segment")
            .join(chosen, on="chosen_rollout_id", maintain_order="left")
            .join(rejected, on="rejected_rollout_id", maintain_order="left")
        )


def _located(store: "RolloutStore", pairs: "pl.DataFrame") -> "pl.DataFrame":
    """Return the pairs in the order of the store, with the segments that their rollouts are in."""
    import polars as pl

    sides = ("chosen", "rejected")
    wanted = pl.concat([pairs[f"{side}_rollout_id"].alias("rollout_id") for side in sides]).unique()
    where = (
        store.scan_segments(store.segments())
        .select("rollout_id", "segment")
        .filter(pl.col("rollout_id").is_in(wanted.implode()))
        .with_row_index("place")
        .collect()
    )
    for side in sides:
        places = where.select(pl.all().name.prefix(f"{side}_"))
        pairs = pairs.join(places, on=f"{side}_rollout_id", how="left", maintain_order="left")
        lost = pairs.filter(pl.col(f"{side}_segment").is_null())
        if not lost.is_empty():
            raise DataError(
                f"{store.path} does not hold rollout {lost[f'{side}_rollout_id'][0]}, which a pair names; "
                "build the pairs from this store"
            )
    return pairs.sort("chosen_place", "rejected_place").drop("chosen_place", "rejected_place")
