"""What a step's rollouts say, tied and inert ones included, as metrics and as the line that a person reads."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.train.collect import RolloutBatch

__all__ = ["batch_statistics", "replay_statistics", "step_figures"]

# From here on hundredths of a second say nothing, and would not fit the line.
_LONG_S = 10.0
# What holds of sampling alone.
_SAMPLING = ("generated_tokens", "generate_s", "verify_s")


def batch_statistics(batch: "RolloutBatch") -> dict[str, Any]:
    """Return what the rollouts say, tied and inert ones included."""
    lengths = [len(ids) for ids in batch.generation.response_ids]
    logprobs = [float(value) for row in batch.generation.logprobs for value in row]
    groups, rollouts = len(batch.draws), len(lengths)
    is_cut = [reason == "length" for reason in batch.generation.finish_reasons]
    decided = int(batch.is_decided_P.sum())
    return {
        "reward": float(batch.rewards_PG.double().mean()),
        "tied_share": int(batch.is_tied_P.sum()) / groups,
        "inert_share": int(batch.is_inert_P.sum()) / groups,
        "decided_groups": decided,
        "failed_rewards": sum(value is None for value in batch.scores.rewards),
        "cut_share": sum(is_cut) / rollouts,
        "response_tokens_mean": sum(lengths) / rollouts,
        "response_tokens_max": max(lengths),
        "entropy_estimate": -sum(logprobs) / max(1, len(logprobs)),
        "rollouts": rollouts,
        "generated_tokens": sum(lengths),
        "generate_s": batch.generate_s,
        "verify_s": batch.verify_s,
    }


def replay_statistics(batch: "RolloutBatch", rows: "pl.DataFrame") -> dict[str, Any]:
    """Return where the rollouts of a replayed batch come from, and what they say.

    Args:
        batch: The rollouts.
        rows: The same, as they are stored.
    """
    statistics = {name: value for name, value in batch_statistics(batch).items() if name not in _SAMPLING}
    return {"replayed_run": rows["run_id"][0], "replayed_step": rows["step"][0], **statistics}


def step_figures(metrics: dict[str, Any]) -> dict[str, str]:
    """Return what a person wants to see of a step; one line of 80 columns."""
    rate = metrics["generated_tokens"] / max(1e-9, metrics["generate_s"])
    return {
        "reward": f"{metrics['reward']:.3f}",
        "ties": f"{metrics['tied_share']:.2f}",
        "pairs": str(metrics["decided_groups"]),
        "len": f"{metrics['response_tokens_mean']:.0f}",
        "tok/s": f"{rate / 1000:.1f}k",
        "gen/train": f"{_seconds(metrics['generate_s'])}/{_seconds(metrics['train_s'])} s",
    }


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < _LONG_S else f"{seconds:.0f}"
