"""`twogrpo store`: look into a rollout store. One file a command."""

import typer

from twogrpo.cli.options import help_without_command
from twogrpo.cli.store.check import check
from twogrpo.cli.store.info import info
from twogrpo.cli.store.query import query

__all__ = ["app"]

app = typer.Typer(help="Look into a rollout store.", invoke_without_command=True, callback=help_without_command)
app.command("info")(info)
app.command("check")(check)
app.command("query")(query)
