"""`twogrpo store info`: a store in numbers."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twogrpo.store import StoreInfo

__all__ = ["info"]


def info(
    run: Where,
    *,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print a store in numbers.

    Runs, policies, rows, bytes, rewards, ties, and how many responses of each group are right. Groups, ties and shares
    are those of the phases train and imported.
    """
    from twogrpo.store import RolloutStore

    found = RolloutStore.open(run).info()
    if as_json:
        more = {"bytes_per_rollout": found.bytes_per_rollout, "mean_reward": found.mean_reward}
        print_json(asdict(found) | more)
        return
    lines = list(_lines(found))
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"{name:<{width}}  {value}")


def _lines(found: "StoreInfo") -> "Iterator[tuple[str, str]]":
    yield "runs", ", ".join(found.runs) or "none"
    yield "attempts", _named({run: str(attempt) for run, attempt in found.attempts.items()})
    for run, policies in found.policies.items():
        parts = [*policies.models]
        if policies.first_version is not None:
            parts.append(f"weights {policies.first_version:,} to {policies.last_version:,}")
        yield f"policies of {run}" if len(found.runs) > 1 else "policies", ", ".join(parts) or "unknown"
    yield "steps", f"{found.steps:,}"
    yield "rollouts", f"{found.rows:,}"
    yield "superseded", f"{found.superseded_rows:,}"
    per_rollout = "" if found.bytes_per_rollout is None else f", {found.bytes_per_rollout:,.0f} a rollout"
    yield "bytes", f"{found.bytes:,}{per_rollout}"
    yield "phases", _named({name: f"{rows:,}" for name, rows in found.phases.items()})
    yield "mean reward", _named({name: _number(mean) for name, mean in found.mean_rewards.items()})
    yield "groups", f"{found.groups:,}"
    yield "tie rate", _number(found.tie_rate)
    yield "right", _histogram(found.pass_rates)
    for name in ("failed", "inert", "cut"):
        yield f"{name} share", _number(getattr(found, f"{name}_share"))


def _named(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "none"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _histogram(rates: dict[str, int]) -> str:
    whole = sum(rates.values())
    return ", ".join(f"{rate}: {count:,} ({count / whole:.0%})" for rate, count in rates.items()) or "unknown"
