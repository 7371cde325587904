"""The fenced blocks of a Markdown page, the commands in them, and how an output that is shown is compared.

How the pages are written:

- `console`: lines behind `$ ` are run, lines behind `> ` continue them, and what follows is their output.
- `sh`: every line is run; no output is shown.
- `python`: executed, the blocks of one page in one namespace; `sql`: run by DuckDB. A `text` block right behind one
  shows what it prints, and stands nowhere else.
- `yaml`: loads as a configuration. `json`: is JSON.
- A yaml, python or json block whose first line names a file, `# my.yaml`, is also written there.
- A line `...` in an output stands for any lines. Behind the comment `<!-- figures -->` an output holds figures of a run
  or a machine: every number counts as equal, and so does how often a line of one form occurs.
"""

import re
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = {"console", "sh", "python", "sql", "yaml", "json", "text"}
FIGURES = "<!-- figures -->"
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)(?P<language>\S*)")
_FILE = re.compile(r"# (?P<name>[\w-]+\.(?:yaml|py))$")
_NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str
    has_figures: bool

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    @property
    def file_name(self):
        """The file that a first line `# NAME` asks for, or None."""
        named = _FILE.match(self.text.partition("\n")[0])
        return named["name"] if named else None


@dataclass(frozen=True)
class Command:
    """One shell command and the output shown below it, None where none is shown."""

    place: str
    text: str
    shown: str | None
    has_figures: bool


def blocks_of(path: Path, root: Path) -> list[Block]:
    """Return a page's fenced blocks; directives of the site, ```` ```{name} ````, are none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    blocks, number = [], 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        if opening is None:
            number += 1
            continue
        end = next(row for row in range(number + 1, len(lines)) if lines[row].strip() == opening["fence"])
        has_figures = FIGURES in lines[max(0, number - 2) : number]
        text = "\n".join(line.removeprefix(opening["indent"]) for line in lines[number + 1 : end])
        page = str(path.relative_to(root))
        if not opening["language"].startswith("{"):
            blocks.append(Block(page, number + 1, opening["language"], text, has_figures))
        number = end + 1
    return blocks


def commands_of(block: Block) -> list[Command]:
    """Return the commands of a `console` or `sh` block; comments behind them are left out."""
    if block.language == "sh":
        joined = block.text.replace("\\\n", " ")
        return [_command(block, line, None) for line in joined.splitlines() if line.strip()]
    commands = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        first, *rest = part.splitlines()
        while rest and rest[0].startswith("> "):
            first += "\n" + rest.pop(0).removeprefix("> ")
        commands.append(_command(block, first, "\n".join(rest).strip("\n")))
    return commands


def is_as_shown(printed: str, shown: str, *, has_figures: bool) -> bool:
    """Return whether an output is what the page shows."""
    if has_figures:
        forms = set(_forms(printed))
        wanted = _forms(shown)
        return set(wanted) - {"..."} <= forms and ("..." in wanted or forms <= set(wanted))
    parts = re.split(r"^\.\.\.$", _trimmed(shown), flags=re.MULTILINE)
    pattern = "(?:.*)".join(re.escape(part.strip("\n")) for part in parts)
    return re.fullmatch(pattern, _trimmed(printed), flags=re.DOTALL) is not None


def _command(block: Block, text: str, shown: str | None) -> Command:
    bare = re.sub(r"\s+# .*$", "", text, flags=re.MULTILINE).strip()
    return Command(block.place, bare, shown, block.has_figures)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _forms(text: str) -> list[str]:
    lines = (" ".join(re.sub(r"[─═]+", "─", _NUMBER.sub("#", line)).split()) for line in text.splitlines())
    return [line for line in lines if line]
