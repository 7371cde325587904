"""docs/errors.md: every mistake of the cases with the line that the program really printed.

`python -m tests.user_errors.page` from the top of the repository plays every case and writes the page.
"""

import re
import sys
import tempfile
from pathlib import Path

from tests.user_errors.cases import SECTIONS
from tests.user_errors.world import World

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
OPENING = """# Errors

<!-- Written by `make errors-page` from the cases under tests/user_errors; the tests fail where it is stale. -->

What a user can do wrong, and what `twogrpo` then says: one line on stderr that begins with `twogrpo: `, and an exit
code. `--traceback` shows where the line comes from. A command that is refused has written nothing; a run that stops has
lost nothing that it had stored, and `--resume` goes on with it.

| Exit code | Meaning |
|---|---|
| 0 | done |
| 2 | the command line or the configuration is wrong |
| 3 | data, a model or a check of data is wrong |
| 4 | it cannot go on: store, disk, device, training |
| 130 | stopped by Ctrl-C or SIGTERM; `--resume` goes on |

Every line below was printed by the program in a test. `...` stands for what depends on the machine or is worded by
another library.
"""
HEADING = "| You | `twogrpo` says | Exit code |\n|---|---|---|"
# Of this machine, of this minute, or of one version of a dependency.
VARYING = (
    (r"process \d+", "process ..."),
    (r"w0\.\d+-\d+\.tmp", "w0....tmp"),
    (r"\(\d+\.\d+[^ )]*\)", "(...)"),
    (r"\b[0-9a-f]{12}\b", "..."),
    (r"\d+ bytes, the log says \d+", "... bytes, the log says ..."),
)


def row(played) -> str:
    """Return the page's row of a case that was played."""
    line = played.line.replace(str(played.folder), "/home/me")
    for pattern, text in VARYING:
        line = re.sub(pattern, text, line)
    if played.case.theirs:
        line = re.sub(played.case.theirs, "...", line)
    ticks = "``" if "`" in line else "`"
    shown = f"{ticks} {line} {ticks}" if "`" in line else f"`{line}`"
    return f"| {_cell(played.case.did)} | {_cell(shown)} | {played.case.code} |"


def written(rows: dict[str, str]) -> str:
    """Return the page from the rows by the names of their cases."""
    tables = [
        f"## {title}\n\n{HEADING}\n" + "\n".join(rows[case.name] for case in cases) for title, cases in SECTIONS.items()
    ]
    return "\n\n".join([OPENING.rstrip("\n"), *tables]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Play every case and write the page."""
    with tempfile.TemporaryDirectory() as root:
        world = World(Path(root))
        rows = {case.name: row(case.play(world)) for cases in SECTIONS.values() for case in cases}
    PAGE.write_text(written(rows))
    sys.stderr.write(f"{PAGE}: {len(rows)} errors\n")


if __name__ == "__main__":
    main()
