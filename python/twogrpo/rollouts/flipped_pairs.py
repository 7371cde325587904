"""What becomes of the pairs of training when rewards change."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twogrpo.pairs import PairSpec, build_pairs

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["PairFlips", "count_flips"]


@dataclass(frozen=True)
class PairFlips:
    """The pairs of the stored rewards, and what new rewards make of them.

    Attributes:
        before: Pairs of the stored rewards.
        reversed: Of these, chosen and rejected change places.
        tied: Of these, both rewards are equal now.
        failed: Of these, a reward is missing now.
        decided: Pairs of the new rewards whose rewards were equal or missing.
    """

    before: int
    reversed: int
    tied: int
    failed: int
    decided: int


def count_flips(store: "RolloutStore", judged: "pl.LazyFrame", spec: PairSpec | None = None) -> PairFlips:
    """Return what new rewards make of the pairs of a store, as `spec` builds them; by default `PairSpec()`.

    Args:
        store: The rollouts and their rewards.
        judged: Rollouts with `rollout_id`, `prompt_id`, `new_reward` and `is_reward_changed`; any other keeps its
            reward.
        spec: Which pairs.
    """
    import polars as pl

    spec = spec or PairSpec()
    changed = judged.filter("is_reward_changed").select("rollout_id", "prompt_id", "new_reward").collect()
    before = build_pairs(store, spec).height
    # A limit a prompt makes pairs of its groups depend on one another.
    rows = store.scan().filter(pl.col("prompt_id").is_in(changed["prompt_id"].unique().implode()))
    names = ("run_id", "attempt", "phase", "group_id", "rollout_id", "prompt_id", "reward", "is_inert")
    old = rows.select(*names, "finish_reason", "response_len", "policy_version").collect()
    changed = changed.drop("prompt_id").with_columns(is_changed=True)
    new = old.join(changed, on="rollout_id", how="left", maintain_order="left").with_columns(
        reward=pl.when(pl.col("is_changed").fill_null(value=False)).then("new_reward").otherwise("reward")
    )
    kept = _margins(build_pairs(old, spec), new)
    made = _margins(build_pairs(new, spec), old)
    return PairFlips(
        before=before,
        reversed=int((kept < 0).sum()),
        tied=int((kept == 0).sum()),
        failed=kept.null_count(),
        decided=int((made == 0).sum()) + made.null_count(),
    )


def _margins(pairs: "pl.DataFrame", rewards: "pl.DataFrame") -> "pl.Series":
    """Return chosen less rejected of each pair under other rewards, null where one is missing."""
    sides = [
        pairs.select(rollout_id=f"{side}_rollout_id").join(
            rewards.select("rollout_id", "reward"), on="rollout_id", how="left", maintain_order="left"
        )["reward"]
        for side in ("chosen", "rejected")
    ]
    return sides[0] - sides[1]
