"""Stored responses through the verifier, batch by batch, each beside the verdict that it had."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from twogrpo.errors import StoreError
from twogrpo.verifier import verifier_name, verify_batch

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["JUDGED", "judge_again"]

# Large enough for every thread of the verifier, small enough that long responses fit into memory.
_ROWS = 16384
_KEYS = ("run_id", "attempt", "step", "phase", "group_id", "rollout_idx", "rollout_id", "prompt_id", "gold")
_VERDICT = ("correct", "status", "rule", "extracted", "reward")
_READ = (*_KEYS, *_VERDICT, "gold_alternatives", "response", "verifier", "finish_reason")
_FLAGS = ("is_changed", "is_reward_changed", "is_new")

JUDGED = (*_KEYS, *(f"{when}_{name}" for name in _VERDICT for when in ("old", "new")), "verifier", *_FLAGS)
"""The columns of judged rows."""

NO_TEXT = "without their text (store.keep_text was off, or the column was pruned)"
NO_VERIFIER = "that name no verifier; give a profile to judge them"
OTHER_VERIFIER = "rewarded by {name}, which is not the verifier; give a profile to judge them"


def judge_again(
    store: "RolloutStore",
    *,
    profile: str | None,
    extract: Sequence[str] | None,
    cut_response: str,
    skipped: Counter[str],
) -> Iterator["pl.DataFrame"]:
    """Yield the judged rollouts, columns `JUDGED`; those left out are counted in `skipped` by the reason.

    Raises:
        VerifyError: There is no such profile or extraction rule.
    """
    import polars as pl

    asked = None if profile is None else (profile, None if extract is None else list(extract))
    if asked is not None:
        verifier_name(*asked)
    for batch in _batches(store):
        has_text = batch["response"].is_not_null()
        _count(skipped, NO_TEXT, batch.height - int(has_text.sum()))
        for part in batch.filter(has_text).partition_by("verifier", maintain_order=True):
            name = part["verifier"][0]
            was = _profile(name)
            if asked is None and was is None:
                _count(skipped, NO_VERIFIER if name is None else OTHER_VERIFIER.format(name=name), part.height)
                continue
            yield _judge(part, asked or was, cut_response).with_columns(is_new=pl.lit(value=was is None))


def _batches(store: "RolloutStore") -> Iterator["pl.DataFrame"]:
    """Yield the rollouts in the order of the store.

    Raises:
        StoreError: A segment is damaged.
    """
    import polars as pl

    rows = store.scan_segments(store.segments()).select(_READ)
    try:
        yield from rows.collect_batches(chunk_size=_ROWS, maintain_order=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        text = str(error).split("\n", 1)[0]
        raise StoreError(
            f"{store.path}: a segment cannot be read ({text}); `twogrpo store check --deep` names it"
        ) from error


def _count(skipped: Counter[str], reason: str, rows: int) -> None:
    if rows:
        skipped[reason] += rows


def _profile(name: str | None) -> tuple[str, list[str] | None] | None:
    """Return profile and extraction rules of a stored verifier's name, None where it is not the verifier's."""
    if name is None or not name.startswith("twogrpo@"):
        return None
    _, *parts = name.split(":")
    if not parts:
        return None
    return parts[0], parts[1].split("+") if len(parts) > 1 else None


def _judge(part: "pl.DataFrame", by: tuple[str, list[str] | None] | None, cut_response: str) -> "pl.DataFrame":
    import polars as pl

    profile, extract = by or ("rl", None)
    golds = part.select(
        golds=pl.concat_list(
            pl.concat_list("gold"), pl.col("gold_alternatives").fill_null(pl.lit([], pl.List(pl.String)))
        )
    )["golds"]
    new = verify_batch(part["response"], golds, profile=profile, extract=extract)
    old = part.select(*_KEYS, "finish_reason", *(pl.col(name).alias(f"old_{name}") for name in _VERDICT))
    both = old.hstack(new.select(pl.col(name).alias(f"new_{name}") for name in _VERDICT))
    return (
        both.with_columns(verifier=pl.lit(verifier_name(profile, extract)), new_reward=_reward(cut_response))
        .with_columns(
            is_changed=_differs("correct", "status", "rule", "extracted"),
            is_reward_changed=_differs("reward"),
        )
        .pipe(_without_new, part["verifier"][0])
    )


def _without_new(rows: "pl.DataFrame", verifier: str | None) -> "pl.DataFrame":
    """What has no earlier verdict is judged for the first time, which changes none."""
    import polars as pl

    if _profile(verifier) is not None:
        return rows
    return rows.with_columns(pl.lit(value=False).alias("is_changed"))


def _differs(*names: str) -> "pl.Expr":
    import polars as pl

    return pl.any_horizontal(pl.col(f"old_{name}").ne_missing(pl.col(f"new_{name}")) for name in names)


def _reward(cut_response: str) -> "pl.Expr":
    """Return the reward of the new verdict; one that was not the old verdict's had another cause and stays."""
    import polars as pl

    old, correct = pl.col("old_reward"), pl.col("old_correct")
    is_of_verdict = old.is_null() | correct.is_null() | (old == correct.cast(pl.Float32))
    is_zeroed = (pl.col("finish_reason") == "length").fill_null(value=False) & (cut_response == "zero")
    new = pl.when(is_zeroed).then(pl.lit(0.0, pl.Float32)).otherwise("new_reward")
    return pl.when(is_of_verdict).then(new).otherwise(old)
