"""summary.json: what a run came to, computed from its metrics so that a resumed run sums up as a whole one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twogrpo.monitor import MetricsLog
    from twogrpo.train.session import Session

__all__ = ["dpo_summary", "ends", "evaluations", "online_summary"]

WINDOW = 10


def online_summary(session: "Session") -> dict[str, Any]:
    """Return steps, rollouts, seconds, evaluations, and first and last reward and tie rate of its own rollouts."""
    rows = session.metrics.read("train")
    return {
        "command": "online",
        **_shared(session),
        "rollouts": session.state.rollouts,
        "replayed_rollouts": sum(row["rollouts"] for row in session.metrics.read("replay")),
        "reward": ends(rows, "reward"),
        "tied_share": ends(rows, "tied_share"),
        "decided_groups": sum(row["decided_groups"] for row in rows),
    }


def dpo_summary(session: "Session", pairs: int) -> dict[str, Any]:
    """Return steps, pairs, seconds, evaluations, and first and last loss and accuracy."""
    rows = session.metrics.read("train")
    return {
        "command": "dpo",
        **_shared(session),
        "pairs": pairs,
        "loss": ends(rows, "loss"),
        "accuracy": ends(rows, "accuracy"),
    }


def _shared(session: "Session") -> dict[str, Any]:
    return {
        "steps": session.state.step,
        "seconds": {"cpu": round(session.state.cpu_s, 2), "wall": round(session.state.wall_s, 2)},
        "evaluations": evaluations(session.metrics),
    }


def evaluations(metrics: "MetricsLog") -> list[dict[str, Any]]:
    """Return the scores of every evaluation."""
    return [
        {key: value for key, value in row.items() if key not in ("kind", "seconds")} for row in metrics.read("eval")
    ]


def ends(rows: Sequence[dict[str, Any]], key: str) -> dict[str, float | None]:
    """Return the mean over the first and over the last ten steps."""
    return {"first_10": _mean(rows[:WINDOW], key), "last_10": _mean(rows[-WINDOW:], key)}


def _mean(rows: Sequence[dict[str, Any]], key: str) -> float | None:
    values = [row[key] for row in rows if row[key] is not None]
    return round(sum(values) / len(values), 6) if values else None
