"""`twogrpo store purge`: removes a prompt."""

from typing import Annotated

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

__all__ = ["purge"]


def purge(
    run: Where,
    *,
    prompt_id: Annotated[
        list[str],
        typer.Option("--prompt-id", metavar="ID", help="Value of the column prompt_id.", show_default=False),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, change nothing.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Remove every rollout of some prompts.

    From segments, superseded segments and tables of verdicts.
    """
    from twogrpo.cli.store.removed import as_words, removal_record
    from twogrpo.rollouts.removal import purge as purge_store
    from twogrpo.store import RolloutStore

    removal = purge_store(RolloutStore.open(run), prompt_id, dry_run=dry_run)
    if as_json:
        print_json(removal_record(removal, dry_run=dry_run))
        return
    if not removal.files and not removal.verdicts:
        print(f"{run} holds no rollout of prompt id {', '.join(prompt_id)}; `twogrpo store query` shows the ids it has")
    print(as_words(removal, dry_run=dry_run))
    if removal.verdicts:
        print(f"tables of verdicts: {removal.verdicts:,} rows {'would go' if dry_run else 'gone'}")
    if removal.quarantined:
        print(f"not reached: {removal.quarantined:,} files in _quarantine; `store prune --quarantine` removes them")
    print(
        "not reached: checkpoints trained on these rollouts, copies of the store (`store compact`, `store export`), "
        "and the data set itself"
    )
