"""`twogrpo store`: look into a rollout store. One file a command."""

import typer

from twogrpo.cli.options import help_without_command
from twogrpo.cli.store.check import check
from twogrpo.cli.store.compact import compact
from twogrpo.cli.store.export import export
from twogrpo.cli.store.import_ import import_rollouts
from twogrpo.cli.store.info import info
from twogrpo.cli.store.prune import prune
from twogrpo.cli.store.purge import purge
from twogrpo.cli.store.query import query
from twogrpo.cli.store.reverify import reverify
from twogrpo.cli.store.show import show

__all__ = ["app"]

app = typer.Typer(help="Look into a rollout store.", invoke_without_command=True, callback=help_without_command)
app.command("info")(info)
app.command("check")(check)
app.command("query")(query)
app.command("show")(show)
app.command("export")(export)
app.command("import")(import_rollouts)
app.command("reverify")(reverify)
app.command("compact")(compact)
app.command("prune")(prune)
app.command("purge")(purge)
