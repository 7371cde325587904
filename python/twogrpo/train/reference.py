"""Logprobs of the reference policy, computed once and cached in the run folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from twogrpo.models import load_policy
from twogrpo.train.learner import Learner

if TYPE_CHECKING:
    from twogrpo.train.pair_data import PairData
    from twogrpo.train.session import Session

__all__ = ["reference_logps"]

START = "start"
# A pass without gradients gains nothing from more tokens: on the CPU they only leave the cache.
PASS_TOKENS = 4096


def reference_logps(session: "Session", data: "PairData", reference: str, token_budget: int) -> Tensor:
    """Return the reference's summed logprobs of every pair, shape (pairs, 2): chosen, rejected; float64.

    Args:
        session: The run; its folder holds the cache, which a resumed run reads.
        data: The pairs.
        reference: `start` for the model that training starts from, else a model folder.
        token_budget: Most tokens in one forward pass.
    """
    cache = session.folder.reference / "logprobs.parquet"
    # What stands in the folder of a run that begins is of one that was killed before it had begun: of any model.
    known = _read(cache) if session.folder.is_resumed else {}
    rollout_ids = data.rollout_ids_B.tolist()
    if any(rollout_id not in known for rollout_id in rollout_ids):
        logps_B = _compute(_reference_learner(session, reference), data, min(token_budget, PASS_TOKENS))
        known = dict(zip(rollout_ids, logps_B.tolist(), strict=True))
        _write(cache, known)
    return torch.tensor([known[rollout_id] for rollout_id in rollout_ids], dtype=torch.float64)[data.rows_N2]


def _reference_learner(session: "Session", reference: str) -> Learner:
    live = session.learner
    if reference == START and session.state.step == 0:
        return live
    path, label = (session.sources.model, None) if reference == START else (reference, f"dpo.reference={reference}")
    model = load_policy(path, device=live.device, gradient_checkpointing=False, label=label)
    return Learner(model, live.optimizer, live.device, live.dtype, live.pad_id)


def _compute(learner: Learner, data: "PairData", token_budget: int) -> Tensor:
    """Return the summed logprobs of every rollout, float64."""
    sums_B = torch.empty(len(data.rollout_ids_B), dtype=torch.float64)
    with torch.no_grad():
        for rows in _passes(data, token_budget):
            logps_BR, mask_BR = learner.logps(*data.rollouts(rows))
            sums_B[rows] = (logps_BR.double() * mask_BR).sum(dim=1).cpu()
    return sums_B


def _passes(data: "PairData", token_budget: int) -> Iterator[list[int]]:
    """Yield the place of every rollout once, in passes of at most so many tokens; a longer one has a pass of its own.

    Rollouts of one prompt stand side by side, so that it is computed once for them.
    """
    rows: list[int] = []
    tokens = 0
    lengths = data.lengths_B().tolist()
    for row in data.prompts_B.argsort(kind="stable").tolist():
        length = lengths[row]
        if rows and tokens + length > token_budget:
            yield rows
            rows, tokens = [], 0
        rows.append(row)
        tokens += length
    if rows:
        yield rows


def _read(cache: Path) -> dict[int, float]:
    """Return the cached logprobs by rollout id; none where the file is missing or damaged, to compute them again."""
    import polars as pl

    try:
        table = pl.read_parquet(cache, glob=False)
    except (pl.exceptions.PolarsError, OSError):
        return {}
    if dict(table.schema) != {"rollout_id": pl.Int64, "logprob_sum": pl.Float64}:
        return {}
    # A null is not finite either.
    is_whole = table["logprob_sum"].is_finite().fill_null(value=False).all()
    return dict(table.iter_rows()) if is_whole else {}


def _write(cache: Path, logps: dict[int, float]) -> None:
    import polars as pl

    cache.parent.mkdir(parents=True, exist_ok=True)
    temporary = cache.with_suffix(".tmp")
    pl.DataFrame({"rollout_id": list(logps), "logprob_sum": list(logps.values())}).write_parquet(temporary)
    temporary.replace(cache)
