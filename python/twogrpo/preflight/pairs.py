"""The section about the pairs that a store makes, for either engine."""

from statistics import median
from typing import TYPE_CHECKING

from twogrpo.preflight.report import Fact, Section

if TYPE_CHECKING:
    from twogrpo.config import DpoConfig
    from twogrpo.pairs import PairCounts
    from twogrpo.train.pair_data import PairData

__all__ = ["pairs_section"]


def pairs_section(data: "PairData", counts: "PairCounts", config: "DpoConfig") -> Section:
    """Return how many pairs there are, of which groups, and how long they are.

    Args:
        data: The pairs.
        counts: Groups of the store.
        config: The run.
    """
    lengths = sorted(data.lengths_N2().sum(axis=1).tolist())
    tokens = {"min": lengths[0], "median": median(lengths), "max": lengths[-1]}
    groups = f"{counts.groups:,}: {counts.decided:,} decided, {counts.tied:,} tied, {counts.inert:,} inert"
    facts = (
        Fact("pairs", len(data), f"{len(data):,} by pairs.strategy={config.pairs.strategy}"),
        Fact("groups", counts.groups, groups),
        Fact("tokenised", data.tokenised, f"{data.tokenised:,} rollouts stored without token ids"),
        Fact("tokens_of_a_pair", tokens, "  ".join(f"{name} {value:,.0f}" for name, value in tokens.items())),
    )
    return Section("pairs", facts)
