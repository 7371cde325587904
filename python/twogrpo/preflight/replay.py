"""The replayed phase in words: which stored rollouts come first, and how far they are to be trusted."""

from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.config import OnlineConfig
from twogrpo.preflight.report import Checks, Fact, Section, counted
from twogrpo.train.checkpoint import latest_checkpoint, load_state
from twogrpo.train.replay import Replay
from twogrpo.train.replay_opening import FoundReplay, check_replay, find_replay

if TYPE_CHECKING:
    from twogrpo.preflight.opening import Opening

__all__ = ["look_at_replay"]


def look_at_replay(config: OnlineConfig, opening: "Opening", checks: Checks, *, made: int | None = None) -> Replay:
    """Return what the run would replay, and add its section.

    Args:
        config: The run.
        opening: What is open.
        checks: Takes section and problems.
        made: Steps that a resumed run has made; those of its newest checkpoint by default.
    """
    found = checks.attempt("replay", lambda: _find(config, opening, made))
    if found is None:
        return Replay()
    tokenizer, model = opening.model.tokenizer, opening.model.outline
    if tokenizer is not None and model is not None:
        checks.attempt("replay", lambda: check_replay(found, config, tokenizer=tokenizer, model=model))
    checks.add(_section(found, config))
    return found.replay


def _find(config: OnlineConfig, opening: "Opening", made: int | None) -> FoundReplay | None:
    state = opening.state
    if state is None or not state.is_resumed:
        return find_replay(config)
    return find_replay(config, resumed=state.path, made=_steps_of(state.path) if made is None else made)


def _steps_of(run: Path) -> int:
    newest = latest_checkpoint(run / "checkpoints")
    return 0 if newest is None else load_state(newest).step


def _section(found: FoundReplay, config: OnlineConfig) -> Section:
    batches, importance = found.replay.batches, config.objective.importance
    runs = sorted({batch.run_id for batch in batches})
    longest = max(batch.longest for batch in batches)
    facts = [
        Fact("rollouts_of", config.replay.rollouts),
        Fact("batches", len(batches), f"{counted(len(batches), 'step')} of {', '.join(runs)}"),
        Fact("rollouts", found.replay.rollouts, f"{found.replay.rollouts:,}"),
    ]
    if found.groups:
        groups = f"{found.groups:,}: {found.decided:,} decided, {found.tied:,} tied, {found.inert:,} inert"
        facts.append(Fact("groups", found.groups, groups))
    facts += [
        Fact("longest_rollout", longest, f"{longest:,} tokens"),
        Fact("weights", importance.level, f"one a {_unit(importance.level)}, at most {importance.cap:g}"),
    ]
    return Section("replay", tuple(facts))


def _unit(level: str) -> str:
    return "response" if level == "sequence" else level
