"""What has to hold of stored rollouts that a policy is trained on again by importance weights.

The weight is pi_old / mu, so mu, the distribution that each token was sampled from, has to be known exactly: its
logprobs after the temperature, and no token cut out of it. What the model itself has to do with the token ids is not
looked at here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twogrpo.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_groups", "check_rollouts"]

# A sampler's rounding may leave the logprob of a certain token just above 0.
_LARGEST_LOGPROB = 1e-3


@dataclass(frozen=True)
class _Refusal:
    """A rule, and what is said of the first row that breaks it; braces name columns."""

    is_broken: "pl.Expr"
    says: str


def check_rollouts(rows: "pl.DataFrame", place: str, *, temperature: float) -> None:
    """Refuse rollouts whose sampling distribution is not known or not the one that ratios are taken against.

    Args:
        rows: One batch, with the store's columns.
        place: Store, run and step, for the message.
        temperature: `rollout.temperature` of the run that trains on them; its ratios are of that distribution.

    Raises:
        DataError: A rollout breaks a rule; the first one is named, and how many there are.
    """
    for refusal in _refusals(temperature):
        broken = rows.filter(refusal.is_broken)
        if broken.is_empty():
            continue
        first = broken.row(0, named=True)
        others = f" (and {broken.height - 1:,} more of {rows.height:,})" if broken.height > 1 else ""
        rollout = f"group {first['group_id']}, rollout {first['rollout_idx']}{others}"
        raise DataError(f"{place}, {rollout}: {refusal.says.format_map(_shown(first))}")


def check_groups(rows: "pl.DataFrame", place: str) -> None:
    """Refuse a batch that is not of whole groups of one size.

    Args:
        rows: One batch, with the store's columns.
        place: Store, run and step, for the message.

    Raises:
        DataError: Groups differ in size, have a single rollout, hold one twice, or have several prompts.
    """
    import polars as pl

    groups = rows.group_by("group_id", maintain_order=True).agg(
        size=pl.len(), members=pl.col("rollout_idx").n_unique(), prompts=pl.col("prompt_ids").hash().n_unique()
    )
    for name, what in (("prompts", "several prompts"), ("members", "a rollout_idx twice")):
        expected = pl.lit(1) if name == "prompts" else pl.col("size")
        wrong = groups.filter(pl.col(name) != expected)
        if not wrong.is_empty():
            raise DataError(
                f"{place}: group {wrong['group_id'][0]} has {what}, which no run of twogrpo stores; name another"
            )
    # The size of most groups is that of a whole one.
    sizes = groups["size"].value_counts(sort=True)["size"]
    odd = groups.filter(pl.col("size") != sizes[0])
    if not odd.is_empty():
        raise DataError(
            f"{place}: group {odd['group_id'][0]} has {_rollouts(odd['size'][0])}, others have {sizes[0]}; "
            "replay takes whole groups of one size a batch"
        )
    if sizes[0] == 1:
        raise DataError(f"{place}: every group has 1 rollout; a group needs at least 2 to compare")


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row's values in words; a float32 in the digits that it has."""
    shown = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in row.items()}
    return {name: "unknown" if row[name] is None else text for name, text in shown.items()}


def _rollouts(count: int) -> str:
    return f"{count} rollout{'' if count == 1 else 's'}"


def _refusals(temperature: float) -> Iterator[_Refusal]:
    import polars as pl

    col = pl.col
    is_bare = col("prompt_ids").is_null() | col("response_ids").is_null()
    yield _Refusal(is_bare, "no token ids are stored, and replay trains on them; name a run that has them")
    yield _Refusal(
        col("logprobs").is_null(),
        "no logprobs are stored, and replay weighs each rollout by them; name a run that has them",
    )
    yield _Refusal(
        col("logprob_kind").ne_missing("processed"),
        "its logprobs are of kind {logprob_kind}, expected processed: of the distribution after the temperature, which "
        "it was sampled from; let the sampler report those, as vLLM does with logprobs_mode=processed_logprobs",
    )
    yield _Refusal(
        col("temperature").ne_missing(pl.lit(temperature, pl.Float32)),
        f"it was sampled at temperature {{temperature}}, and rollout.temperature={temperature:g}; "
        "ratios are taken at the temperature of sampling, so give that one",
    )
    is_cut = (col("top_p") < 1) | (col("top_k") > 0) | (col("min_p") > 0)
    yield _Refusal(
        is_cut.fill_null(value=False),
        "it was sampled from a truncated distribution (top_p {top_p}, top_k {top_k}, min_p {min_p}), against which "
        "weights would be biased; name a run with top_p=1, top_k=0 and min_p=0",
    )
    yield _Refusal(
        ~col("loss_mask").list.all().fill_null(value=True),
        "some of its tokens are not the policy's own (loss_mask); replay takes responses of one turn",
    )
    yield from _list_refusals()


def _list_refusals() -> Iterator[_Refusal]:
    import polars as pl

    element = pl.element()
    is_token = (element >= 0).fill_null(value=False)
    is_logprob = (element.is_finite() & (element <= _LARGEST_LOGPROB)).fill_null(value=False)
    for name in ("prompt_ids", "response_ids"):
        yield _Refusal(~pl.col(name).list.eval(is_token).list.all(), f"{name} holds what is no token id")
    yield _Refusal(pl.col("prompt_ids").list.len() == 0, "its prompt has no tokens to predict from")
    yield _Refusal(
        pl.col("logprobs").list.len() != pl.col("response_ids").list.len(),
        "it has another number of logprobs than of response tokens",
    )
    yield _Refusal(
        ~pl.col("logprobs").list.eval(is_logprob).list.all(), "logprobs holds what is no logarithm of a probability"
    )
