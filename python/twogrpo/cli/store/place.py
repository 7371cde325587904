"""The argument that every `store` command takes first."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Where"]

Where = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a store.", show_default=False)]
