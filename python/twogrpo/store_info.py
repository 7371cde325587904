"""A store in numbers, counted part by part, so that memory does not grow with the store."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

__all__ = ["INFO_COLUMNS", "Policies", "RowCounts", "StoreInfo", "count_rows"]

INFO_COLUMNS = (
    *("run_id", "attempt", "step", "phase", "group_id", "model_id", "policy_version", "policy_version_max"),
    *("reward", "correct", "is_inert", "finish_reason"),
)
"""The columns that `count_rows` needs."""

_TRAINED = ("train", "imported")
_MOST_PASS_RATES = 20


@dataclass(frozen=True)
class Policies:
    """Which policies have sampled a run's rollouts.

    Attributes:
        models: Their names, as `model_id` has them.
        first_version: The oldest weights, None where unknown.
        last_version: The newest weights, None where unknown.
    """

    models: tuple[str, ...]
    first_version: int | None
    last_version: int | None


@dataclass(frozen=True)
class RowCounts:
    """What the committed rows say. Groups, ties and shares are those of the phases train and imported.

    A response is right by its verdict, or where there is none by a reward above 0.

    Attributes:
        attempts: The latest attempt of each run.
        steps: Steps of the optimizer that rollouts are stored of, over all runs.
        rows: Rollouts.
        policies: By run.
        phases: Rollouts by phase.
        mean_rewards: Mean reward by phase, None where none was scored.
        groups: Groups.
        tie_rate: Share of groups of equal rewards among those without a failed reward, None without any.
        pass_rates: Groups by the share of their responses that are right, such as `1/2`, the lowest first; beyond 20
            different shares rounded to tenths. Groups with a failed reward are left out.
        failed_share: Share of rollouts whose reward is null, None without rollouts.
        inert_share: Share of rollouts that training set aside, among those that say so.
        cut_share: Share of responses cut at the token limit, among those with a finish reason.
    """

    attempts: dict[str, int]
    steps: int
    rows: int
    policies: dict[str, Policies]
    phases: dict[str, int]
    mean_rewards: dict[str, float | None]
    groups: int
    tie_rate: float | None
    pass_rates: dict[str, int]
    failed_share: float | None
    inert_share: float | None
    cut_share: float | None


@dataclass(frozen=True)
class StoreInfo(RowCounts):
    """A store in numbers.

    Attributes:
        runs: Names of the runs.
        superseded_rows: Rollouts that resumes have moved aside; no other number counts them.
        bytes: Size of the segments.
    """

    runs: tuple[str, ...]
    superseded_rows: int
    bytes: int

    @property
    def bytes_per_rollout(self) -> float | None:
        """Bytes a rollout, None without any."""
        return _share(self.bytes, self.rows)

    @property
    def mean_reward(self) -> float | None:
        """Mean reward of phase train, None where none was scored."""
        return self.mean_rewards.get("train")


def count_rows(parts: "Iterable[pl.LazyFrame]") -> RowCounts:
    """Return what some rollouts say.

    Args:
        parts: Rows with `INFO_COLUMNS`; all rows of a group stand in one part.
    """
    counts = _Counts()
    for part in parts:
        counts.add(part.select(INFO_COLUMNS).collect())
    return counts.result()


class _Counts:
    def __init__(self) -> None:
        self.steps: set[tuple[str, int]] = set()
        self.by_run: dict[str, dict[str, Any]] = {}
        self.by_phase: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.groups: Counter[str] = Counter()
        self.pass_rates: Counter[Fraction] = Counter()

    def add(self, rows: "pl.DataFrame") -> None:
        import polars as pl

        self.steps.update(rows.select("run_id", "step").unique().iter_rows())
        runs = rows.group_by("run_id").agg(
            pl.col("attempt").max(),
            models=pl.col("model_id").drop_nulls().unique(),
            first=pl.col("policy_version").min(),
            last=pl.max_horizontal("policy_version", "policy_version_max").max(),
        )
        for run in runs.iter_rows(named=True):
            self._add_run(run)
        reward, reason, inert = pl.col("reward"), pl.col("finish_reason"), pl.col("is_inert")
        phases = rows.group_by("phase").agg(
            rows=pl.len(),
            scored=reward.count(),
            reward=reward.cast(pl.Float64).sum(),
            inert=inert.sum(),
            inert_known=inert.count(),
            cut=(reason == "length").sum(),
            cut_known=reason.count(),
        )
        for phase in phases.iter_rows(named=True):
            self.by_phase[phase.pop("phase")].update(phase)
        self._add_groups(rows.filter(pl.col("phase").is_in(_TRAINED)))

    def _add_run(self, run: dict[str, Any]) -> None:
        known = self.by_run.setdefault(run["run_id"], {"attempt": 0, "models": set(), "versions": []})
        known["attempt"] = max(known["attempt"], run["attempt"])
        known["models"] |= set(run["models"])
        versions = [*known["versions"], *(value for value in (run["first"], run["last"]) if value is not None)]
        known["versions"] = [min(versions), max(versions)] if versions else []

    def _add_groups(self, rows: "pl.DataFrame") -> None:
        import polars as pl

        reward = pl.col("reward")
        groups = rows.group_by("run_id", "attempt", "step", "group_id").agg(
            size=pl.len(),
            failed=reward.is_null().any(),
            tied=reward.min() == reward.max(),
            right=pl.coalesce("correct", reward > 0).sum(),
        )
        self.groups["all"] += groups.height
        scored = groups.filter(~pl.col("failed"))
        self.groups["scored"] += scored.height
        self.groups["tied"] += int(scored["tied"].sum())
        for size, right, count in scored.group_by("size", "right").len().iter_rows():
            self.pass_rates[Fraction(right, size)] += count

    def result(self) -> RowCounts:
        runs = dict(sorted(self.by_run.items()))
        trained: Counter[str] = Counter()
        for phase in _TRAINED:
            trained.update(self.by_phase.get(phase, {}))
        phases = dict(sorted(self.by_phase.items()))
        return RowCounts(
            attempts={name: run["attempt"] for name, run in runs.items()},
            steps=len(self.steps),
            rows=sum(phase["rows"] for phase in phases.values()),
            policies={name: _policies(run) for name, run in runs.items()},
            phases={name: phase["rows"] for name, phase in phases.items()},
            mean_rewards={name: _share(phase["reward"], phase["scored"]) for name, phase in phases.items()},
            groups=self.groups["all"],
            tie_rate=_share(self.groups["tied"], self.groups["scored"]),
            pass_rates=_shown(self.pass_rates),
            failed_share=_share(trained["rows"] - trained["scored"], trained["rows"]),
            inert_share=_share(trained["inert"], trained["inert_known"]),
            cut_share=_share(trained["cut"], trained["cut_known"]),
        )


def _policies(run: dict[str, Any]) -> Policies:
    first, last = run["versions"] or (None, None)
    return Policies(tuple(sorted(run["models"])), first, last)


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _shown(rates: Counter[Fraction]) -> dict[str, int]:
    if len(rates) > _MOST_PASS_RATES:
        tenths: Counter[Fraction] = Counter()
        for rate, count in rates.items():
            tenths[Fraction(round(rate * 10), 10)] += count
        return {str(float(rate)): tenths[rate] for rate in sorted(tenths)}
    return {str(rate): rates[rate] for rate in sorted(rates)}
