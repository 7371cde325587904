"""One group of a store with everything that is stored about it, found by what a person knows of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from twogrpo.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["FoundGroup", "GroupState", "Wanted", "find_group"]

GroupState = Literal["decided", "tied", "failed"]

_KEY = ("run_id", "attempt", "step", "phase", "group_id")
_TRAINED = ("train", "imported")
_LISTED = 8


@dataclass(frozen=True)
class Wanted:
    """What is known of a group; nothing at all stands for the last decided one.

    Attributes:
        group_id: Its id, which is unique in a trajectory of a run.
        rollout_id: The id of one of its rollouts.
        prompt_id: Its prompt.
        step: Its step.
        run_id: Its run.
        phase: Its phase; by default train or imported.
        state: `decided` (rewards differ), `tied` (they are equal), or `failed` (one is null).
    """

    group_id: int | None = None
    rollout_id: int | None = None
    prompt_id: str | None = None
    step: int | None = None
    run_id: str | None = None
    phase: str | None = None
    state: GroupState | None = None

    @property
    def is_one(self) -> bool:
        """Whether this should name a single group."""
        return self.group_id is not None or self.rollout_id is not None


@dataclass(frozen=True)
class FoundGroup:
    """A group.

    Attributes:
        rollouts: Its rows with every column of the store, in the order of rollout_idx.
        state: Whether its rewards differ, are equal, or one of them failed.
        matches: How many groups are what was wanted; this is the last of them.
    """

    rollouts: "pl.DataFrame"
    state: GroupState
    matches: int


def find_group(store: "RolloutStore", wanted: Wanted) -> FoundGroup:
    """Return the last group that is as wanted, by run, step and group id.

    Raises:
        ConfigError: A group or rollout id is that of several groups; the message lists them.
        DataError: No group is as wanted.
    """
    import polars as pl

    groups = _matching(store, wanted)
    if groups.is_empty():
        kind = f"{_state(wanted)} group" if _state(wanted) else "group"
        raise DataError(f"{store.path} holds no {kind} of {_said(wanted)}; `twogrpo store info` counts what it holds")
    if wanted.is_one and groups.height > 1:
        raise ConfigError(f"{groups.height} groups fit ({_said(wanted)}): {_list(groups)}; {_narrower(groups)}")
    *key, state = groups.row(-1)
    is_member = pl.all_horizontal(pl.col(name) == value for name, value in zip(_KEY, key, strict=True))
    rollouts = store.scan().filter(is_member).sort("rollout_idx").collect()
    return FoundGroup(rollouts, state, groups.height)


def _matching(store: "RolloutStore", wanted: Wanted) -> "pl.DataFrame":
    """Return keys and states of the groups that are as wanted, in the order of the store."""
    import polars as pl

    rows = store.scan_segments(store.segments())
    rows = rows.filter(pl.col("phase").is_in([wanted.phase] if wanted.phase else _TRAINED))
    for name in ("group_id", "prompt_id", "step", "run_id"):
        value = getattr(wanted, name)
        if value is not None:
            rows = rows.filter(pl.col(name) == value)
    reward = pl.col("reward")
    state = (
        pl.when(reward.is_null().any())
        .then(pl.lit("failed"))
        .when(reward.min() == reward.max())
        .then(pl.lit("tied"))
        .otherwise(pl.lit("decided"))
    )
    has_rollout = pl.lit(value=True)
    if wanted.rollout_id is not None:
        has_rollout = (pl.col("rollout_id") == wanted.rollout_id).any()
    groups = rows.group_by(_KEY).agg(state=state, has_rollout=has_rollout).filter("has_rollout")
    asked = _state(wanted)
    if asked is not None:
        groups = groups.filter(state=asked)
    return groups.select(*_KEY, "state").sort("run_id", "step", "group_id", "phase", "attempt").collect()


def _state(wanted: Wanted) -> GroupState | None:
    """Return the state that is wanted: without any knowledge of the group a decided one."""
    is_any = wanted == Wanted(run_id=wanted.run_id, phase=wanted.phase)
    return "decided" if is_any else wanted.state


def _said(wanted: Wanted) -> str:
    known = {
        "group id": wanted.group_id,
        "rollout": wanted.rollout_id,
        "prompt": wanted.prompt_id,
        "step": wanted.step,
        "run": wanted.run_id,
        "phase": wanted.phase or " or ".join(_TRAINED),
    }
    return ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)


def _list(groups: "pl.DataFrame") -> str:
    shown = [
        f"run {run} step {step} phase {phase} group {group}"
        for run, _, step, phase, group, _ in groups.head(_LISTED).iter_rows()
    ]
    more = f" and {groups.height - _LISTED} more" if groups.height > _LISTED else ""
    return "; ".join(shown) + more


def _narrower(groups: "pl.DataFrame") -> str:
    """Return the options that tell the groups apart."""
    options = {"run_id": "--run-id", "phase": "--phase", "step": "--step", "group_id": "--group"}
    apart = [option for name, option in options.items() if groups[name].n_unique() > 1]
    return f"add {' or '.join(apart)}" if apart else "they are of several attempts"
