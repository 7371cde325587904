"""Stored responses judged again by today's verifier: which verdicts change, and which pairs with them.

The segments are never changed: what a model was trained on stays. What resumes have moved aside is not judged.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from twogrpo.errors import DataError
from twogrpo.rollouts.flipped_pairs import PairFlips, count_flips
from twogrpo.rollouts.judging import JUDGED, judge_again
from twogrpo.rollouts.verdict_tables import write_verdicts
from twogrpo.table_files import write_table

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["CHANGE_COLUMNS", "Reverification", "RuleChange", "reverify"]

_KEYS = ("run_id", "step", "phase", "group_id", "rollout_idx", "rollout_id", "prompt_id")
_VERDICT = ("correct", "status", "rule", "extracted", "reward")
CHANGE_COLUMNS = (*_KEYS, "gold", *(f"{when}_{name}" for name in _VERDICT for when in ("old", "new")), "verifier")
"""The columns of a row of a changed verdict."""


@dataclass(frozen=True)
class RuleChange:
    """Verdicts that changed alike: status and rule before and after, how many, and how many rewards with them."""

    old_status: str | None
    old_rule: str | None
    new_status: str
    new_rule: str | None
    verdicts: int
    rewards: int


@dataclass(frozen=True)
class Reverification:
    """What judging again has found.

    Attributes:
        judged: Rollouts judged.
        changed: Verdicts that differ in anything: correct, status, rule or extracted answer.
        rewards: Rewards that differ.
        new: Rollouts judged for the first time: a function of the user's had rewarded them, or nothing is known.
        verifiers: The verifiers of today, by name, and the rollouts that each judged.
        changes: The changed verdicts, those that changed alike together, the most frequent first.
        examples: The first changed verdicts, rows of `CHANGE_COLUMNS`.
        pairs: The pairs of training as they were, and what becomes of them.
        skipped: Rollouts left out, by the reason.
        written: Tables of verdicts that were written.
    """

    judged: int
    changed: int
    rewards: int
    new: int
    verifiers: dict[str, int]
    changes: tuple[RuleChange, ...]
    examples: "pl.DataFrame"
    pairs: PairFlips
    skipped: dict[str, int] = field(default_factory=dict)
    written: tuple[Path, ...] = ()


def reverify(
    store: "RolloutStore",
    *,
    profile: str | None = None,
    extract: Sequence[str] | None = None,
    cut_response: Literal["score", "zero", "mask"] = "score",
    out: str | None = None,
    write: bool = False,
    examples: int = 20,
) -> Reverification:
    """Judge every stored response again and return what changes; a part of the rollouts is in memory at a time.

    Each rollout is judged under the profile and the extraction rules that its column `verifier` names, against its gold
    answer and the alternatives. Without `profile`, those that a function of the user's has rewarded, or that name no
    verifier, are left out; so are, always, those whose text is not stored. A reward that was not what its verdict
    gave, such as that of a cut response under `reward.cut_response: zero`, stays as it is.

    Args:
        store: Where the rollouts are.
        profile: Judge all under this profile, whatever they were judged under.
        extract: Extraction rules instead of the profile's; only with a profile.
        cut_response: `reward.cut_response` of the run: what a cut response earns that is right now and was not before.
        out: A .jsonl, .parquet or .csv file for every changed verdict, or `-` for JSON lines on stdout.
        write: Keep the verdicts on all judged rollouts beside the segments, see `twogrpo.rollouts.verdict_tables`.
        examples: How many changed verdicts the result holds.

    Raises:
        DataError: No rollout can be judged, or `out` cannot be written.
        StoreError: A segment or a table of verdicts cannot be read or written.
        VerifyError: There is no such profile or rule.
    """
    import polars as pl

    skipped: Counter[str] = Counter()
    # The judged rows go over the disk: without the texts they are small, but there may be millions.
    with TemporaryDirectory(prefix="twogrpo-reverify-") as folder:
        parts = judge_again(store, profile=profile, extract=extract, cut_response=cut_response, skipped=skipped)
        if not _spool(parts, Path(folder)):
            reasons = "; ".join(f"{count:,} {reason}" for reason, count in skipped.items()) or "it holds no rollouts"
            raise DataError(f"{store.path} holds nothing that the verifier can judge again: {reasons}")
        judged = pl.scan_parquet(f"{folder}/*.parquet")
        changed = judged.filter("is_changed").select(CHANGE_COLUMNS)
        if out is not None:
            write_table(changed, out, "--out")
        counts = _counts(judged)
        return Reverification(
            judged=counts["judged"],
            changed=counts["changed"],
            rewards=counts["rewards"],
            new=counts["new"],
            verifiers=_verifiers(judged),
            changes=_rule_changes(judged),
            examples=changed.head(examples).collect(),
            pairs=count_flips(store, judged),
            skipped=dict(skipped.most_common()),
            written=_write(store, judged) if write else (),
        )


def _spool(parts: "Iterator[pl.DataFrame]", folder: Path) -> int:
    """Write the judged rows into files and return how many there are: without the texts, they are small."""
    rows = 0
    for number, part in enumerate(parts):
        part.select(JUDGED).write_parquet(folder / f"{number:08}.parquet")
        rows += part.height
    return rows


def _counts(judged: "pl.LazyFrame") -> dict[str, int]:
    import polars as pl

    rows = judged.select(
        judged=pl.len(),
        changed=pl.col("is_changed").sum(),
        rewards=(pl.col("is_changed") & pl.col("is_reward_changed")).sum(),
        new=pl.col("is_new").sum(),
    ).collect()
    return rows.row(0, named=True)


def _verifiers(judged: "pl.LazyFrame") -> dict[str, int]:
    return dict(judged.group_by("verifier").len().sort("verifier").collect().iter_rows())


def _rule_changes(judged: "pl.LazyFrame") -> tuple[RuleChange, ...]:
    import polars as pl

    keys = ["old_status", "old_rule", "new_status", "new_rule"]
    alike = judged.filter("is_changed").group_by(keys).agg(verdicts=pl.len(), rewards=pl.col("is_reward_changed").sum())
    rows = alike.sort("verdicts", *keys, descending=[True, False, False, False, False]).collect()
    return tuple(RuleChange(*row) for row in rows.iter_rows())


def _write(store: "RolloutStore", judged: "pl.LazyFrame") -> tuple[Path, ...]:
    import polars as pl

    tables = judged.select("run_id", "verifier").unique().sort("run_id", "verifier").collect()
    rows = judged.rename({f"new_{name}": name for name in _VERDICT})
    written = []
    for run_id, verifier in tables.iter_rows():
        mine = rows.filter(pl.col("run_id") == run_id, pl.col("verifier") == verifier)
        written.append(write_verdicts(store, mine, run_id, verifier))
    return tuple(written)
