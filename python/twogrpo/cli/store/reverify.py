"""`twogrpo store reverify`: today's verifier over stored responses."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

if TYPE_CHECKING:
    from twogrpo.rollouts.reverification import Reverification

__all__ = ["reverify"]


def reverify(
    run: Where,
    *,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", help="Judge under this profile instead of the one that each rollout was judged under."
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the new verdicts beside the segments.")] = False,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Write every change into a .csv, .jsonl or .parquet file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that --out names.")] = False,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Print so many changes at most.")] = 20,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Judge stored responses again and print what changes.

    Verdicts, rewards and pairs; the segments stay as they are.
    """
    from twogrpo.rollouts.cut_responses import cut_response_of
    from twogrpo.rollouts.reverification import reverify as reverify_store
    from twogrpo.store import RolloutStore
    from twogrpo.table_files import check_target

    if out is not None:
        check_target(out, "--out", kinds=(".csv", ".jsonl", ".parquet"), force=force)
    store = RolloutStore.open(run)
    found = reverify_store(
        store, profile=profile, cut_response=cut_response_of(store), out=out, write=write, examples=rows
    )
    if as_json:
        print_json(_record(found))
    elif out != "-":
        _print(found)


def _record(found: "Reverification") -> dict[str, object]:
    counts = {name: value for name, value in vars(found).items() if name not in ("changes", "examples", "pairs")}
    return {
        **counts,
        "changes": [asdict(change) for change in found.changes],
        "pairs": asdict(found.pairs),
        "examples": found.examples.to_dicts(),
        "written": [str(path) for path in found.written],
    }


def _print(found: "Reverification") -> None:
    from twogrpo.cli.tables import print_table

    judges = ", ".join(f"{name} ({count:,})" for name, count in found.verifiers.items())
    print(f"{found.judged:,} rollouts judged again by {judges}")
    print(f"{found.changed:,} verdicts change, {found.rewards:,} rewards with them")
    for reason, count in found.skipped.items():
        print(f"left out: {count:,} {reason}")
    if found.new:
        print(f"judged for the first time: {found.new:,}")
    pairs = found.pairs
    print(
        f"of {pairs.before:,} pairs {pairs.reversed:,} change sides, {pairs.tied:,} become ties, {pairs.failed:,} lose "
        f"a reward; {pairs.decided:,} are new"
    )
    if found.changes:
        print()
        print_table(
            ("from", "to", "verdicts", "rewards"),
            [
                (
                    _words(change.old_status, change.old_rule),
                    _words(change.new_status, change.new_rule),
                    change.verdicts,
                    change.rewards,
                )
                for change in found.changes
            ],
        )
    if not found.examples.is_empty():
        shown = ("rollout_id", "step", "phase", "group_id", "gold", "old_extracted", "new_extracted")
        both = [
            (*row, _arrow(row_status))
            for row, row_status in zip(
                found.examples.select(shown).rows(),
                found.examples.select("old_status", "new_status").rows(),
                strict=True,
            )
        ]
        print()
        print_table((*shown, "verdict"), both)
        if found.changed > found.examples.height:
            print(f"{found.examples.height:,} of {found.changed:,} changes; --out FILE writes all")
    for path in found.written:
        print(f"verdicts kept: {path}")


def _words(status: str | None, rule: str | None) -> str:
    return " by ".join(word for word in (status or "no verdict", rule) if word)


def _arrow(statuses: tuple[str | None, str | None]) -> str:
    return " -> ".join(status or "none" for status in statuses)
