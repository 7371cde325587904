"""The generated pages are what the sources say today."""

import pytest
from typer.main import get_command

from scripts.reference import DOCS, pages
from twogrpo.cli.app import app


@pytest.mark.parametrize(("name", "text"), pages().items(), ids=pages())
def test_a_generated_page_is_up_to_date(name, text):
    is_current = (DOCS / name).read_text(encoding="utf-8") == text
    assert is_current, f"docs/{name} is stale; run `make reference` and keep what it writes"


def groups(command):
    inner = getattr(command, "commands", {})
    return [command, *(group for each in inner.values() for group in groups(each))] if inner else []


@pytest.mark.parametrize("group", groups(get_command(app)), ids=lambda group: group.name)
def test_what_a_command_does_fits_the_list_of_commands(group):
    """The list of 80 columns cuts a first line that is longer, and ends it with dots."""
    width = 78 - 6 - max(map(len, group.commands))
    cut = [name for name, command in group.commands.items() if command.get_short_help_str(width).endswith("...")]
    assert cut == []
