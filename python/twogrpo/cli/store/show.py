"""`twogrpo store show`: one group of rollouts as a person wants to read it."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where
from twogrpo.cli.tables import printable
from twogrpo.cli.texts import text_lines
from twogrpo.errors import ConfigError

if TYPE_CHECKING:
    from twogrpo.rollouts.show import FoundGroup, GroupState

__all__ = ["show"]

_INDENT = 4
_SHARED = ("run_id", "attempt", "step", "phase", "group_id", "dataset", "prompt_id", "prompt", "gold")


def show(
    run: Where,
    *,
    group: Annotated[int | None, typer.Option("--group", metavar="N", help="The group of this id.")] = None,
    step: Annotated[int | None, typer.Option("--step", metavar="S", help="A group of this step.")] = None,
    rollout: Annotated[int | None, typer.Option("--rollout", metavar="ID", help="The group of this rollout.")] = None,
    prompt_id: Annotated[str | None, typer.Option("--prompt-id", metavar="ID", help="A group of this prompt.")] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", metavar="NAME", help="A group of this run.")] = None,
    phase: Annotated[str | None, typer.Option("--phase", help="Of this phase instead of train or imported.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="A group that is decided, tied or failed.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Cut no text.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print one group of rollouts for reading.

    The problem, and of each rollout its reward, verdict and text. Of several groups it is the last one; without any
    option the last decided one.
    """
    from twogrpo.rollouts.show import Wanted, find_group
    from twogrpo.store import RolloutStore

    wanted = Wanted(group, rollout, prompt_id, step, run_id, phase, _state(state))
    found = find_group(RolloutStore.open(run), wanted)
    if as_json:
        print_json(_document(found))
        return
    for line in _lines(found, full=full):
        print(line)
    if found.matches > 1:
        print(f"the last of {found.matches:,} such groups", file=sys.stderr)


def _state(word: str | None) -> "GroupState | None":
    match word:
        case None | "decided" | "tied" | "failed":
            return word
    raise ConfigError(f"--state {word}: expected decided, tied or failed")


def _document(found: "FoundGroup") -> dict[str, Any]:
    """Return a group as JSON can hold it."""
    from twogrpo.table_files import json_lines

    rows = [json.loads(line) for chunk in json_lines(found.rollouts.lazy()) for line in chunk.splitlines()]
    shared = {name: rows[0][name] for name in _SHARED}
    rollouts = [{name: value for name, value in row.items() if name not in _SHARED} for row in rows]
    return shared | {"state": found.state, "matches": found.matches, "rollouts": rollouts}


def _lines(found: "FoundGroup", *, full: bool) -> Iterator[str]:
    rows = list(found.rollouts.iter_rows(named=True))
    first = rows[0]
    more = None if full else "--full"
    place = f"run {first['run_id']}  attempt {first['attempt']}  step {first['step']}  {first['phase']}"
    yield f"group {first['group_id']}  {place}  {found.state}"
    yield f"prompt {printable(first['prompt_id'])}" + (
        f"  of {printable(first['dataset'])}" if first["dataset"] else ""
    )
    yield from _text(first["prompt"], more)
    golds = [first["gold"], *(first["gold_alternatives"] or [])]
    yield "gold   " + " or ".join("unknown" if gold is None else printable(gold) for gold in golds)
    for row in rows:
        yield ""
        yield f"rollout {row['rollout_idx']}  {'  '.join(_facts(row))}"
        yield from _text(row["response"], more)


def _text(text: str | None, more: str | None) -> Iterator[str]:
    if text is None:
        yield f"{' ' * _INDENT}(not stored as text)"
    else:
        yield from text_lines(text, _INDENT, more=more)


def _facts(row: dict[str, Any]) -> Iterator[str]:
    yield "reward failed" if row["reward"] is None else f"reward {row['reward']:g}"
    for name, value in row.items():
        if name.startswith("reward_") and value is not None:
            yield f"{name.removeprefix('reward_')} {value:g}"
    if row["advantage"] is not None:
        yield f"advantage {row['advantage']:+.4g}"
    if row["is_inert"]:
        yield "inert"
    if row["status"] is not None:
        yield printable(row["status"]) + (f" by {printable(row['rule'])}" if row["rule"] else "")
    if row["extracted"] is not None:
        yield f"answer {printable(row['extracted'])}"
    if row["finish_reason"] is not None:
        yield printable(row["finish_reason"])
    if row["response_len"] is not None:
        yield f"{row['response_len']:,} tokens"
        if row["logprob_sum"] is not None and row["response_len"]:
            yield f"mean logprob {row['logprob_sum'] / row['response_len']:.4f}"
