"""What a run on OpenRLHF came to, from its metrics: the same figures as those of the local engine."""

from typing import TYPE_CHECKING, Any

from twogrpo.train.summary import ends, evaluations

if TYPE_CHECKING:
    from twogrpo.monitor import MetricsLog

__all__ = ["dpo_summary", "online_summary"]


def online_summary(metrics: "MetricsLog") -> dict[str, Any]:
    """Return steps, rollouts, wall seconds of all steps, evaluations, and first and last reward and tie rate."""
    rows = metrics.read("train")
    return {
        "command": "online",
        "engine": "openrlhf",
        "steps": len(rows) + len(metrics.read("replay")),
        "seconds": {"wall": round(sum(row.get("step_s") or 0.0 for row in rows), 2)},
        "evaluations": [_own(row) for row in evaluations(metrics)],
        "rollouts": sum(row["rollouts"] for row in rows),
        "reward": ends(rows, "reward"),
        "tied_share": ends(rows, "tied_share"),
        "decided_groups": sum(row["decided_groups"] for row in rows),
    }


def dpo_summary(metrics: "MetricsLog", *, pairs: int) -> dict[str, Any]:
    """Return steps, pairs, seconds of all steps (CPU seconds over all ranks), and first and last loss and accuracy."""
    rows = metrics.read("train")
    return {
        "command": "dpo",
        "engine": "openrlhf",
        "steps": len(rows),
        "seconds": {
            "cpu": round(sum(row["cpu_s"] for row in rows), 2),
            "wall": round(sum(row["train_s"] for row in rows), 2),
        },
        "evaluations": [],
        "pairs": pairs,
        "loss": ends(rows, "loss"),
        "accuracy": ends(rows, "accuracy"),
    }


def _own(row: dict[str, Any]) -> dict[str, Any]:
    """Return the scores over all problems; OpenRLHF's, by data source, stand in metrics.jsonl."""
    return {name: value for name, value in row.items() if name == "step" or "_at_" in name}
