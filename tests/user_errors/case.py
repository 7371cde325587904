"""One mistake as data: how its world is prepared, what is typed, and what has to come of it."""

import fnmatch
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.program import Outcome
from tests.user_errors.world import World

PREFIX = "twogrpo: "


def nothing(_folder):
    """Leave a case's folder as it is."""


def _just_run(world, folder, case):
    return world.run(folder, *case.words, stdin=case.stdin)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A mistake.

    Attributes:
        did: What the user did, one sentence of Markdown without its full stop; it names the case.
        words: The command line.
        code: The exit code expected.
        says: Parts that the line has to hold.
        needs: `run` or `dpo` puts a finished run into the folder.
        prepare: Changes the folder before the command.
        stdin: What the command reads there.
        drive: Runs the command where starting it and waiting is not all.
        may_write: Patterns of paths that may be new, changed or gone afterwards; everything else stays as it was.
        then: A command that has to succeed afterwards, once `mend` has put right what was wrong.
        mend: Puts right what was wrong.
        theirs: Pattern of what another library or the system words in its own way, left out of the page.
        is_result: The line stands on stdout, as it is the command's result.
    """

    did: str
    words: tuple[str, ...] = ()
    code: int
    says: tuple[str, ...]
    needs: str = ""
    prepare: Callable[[Path], None] = nothing
    stdin: bytes = b""
    drive: Callable[[World, Path, "Case"], Outcome] = _just_run
    may_write: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    mend: Callable[[Path], None] = nothing
    theirs: str = ""
    is_result: bool = False

    @property
    def name(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.did.lower()).strip("-")

    def play(self, world: World) -> "Played":
        """Return what came of the mistake in a fresh folder."""
        folder = world.place(self.name)
        {"": nothing, "run": world.with_run, "dpo": world.with_dpo}[self.needs](folder)
        self.prepare(folder)
        before = snapshot(folder)
        outcome = self.drive(world, folder, self)
        changed = sorted(
            path for path, state in (before.items() ^ snapshot(folder).items()) if not self._is_allowed(path)
        )
        return Played(self, folder, outcome, tuple(dict.fromkeys(changed)))

    def _is_allowed(self, path: str) -> bool:
        return any(fnmatch.fnmatch(path, pattern) for pattern in self.may_write)


@dataclass(frozen=True)
class Played:
    """A case that was played: the folder, what the program left, and what changed that had to stay."""

    case: Case
    folder: Path
    outcome: Outcome
    changed: tuple[str, ...]

    @property
    def line(self) -> str:
        """The line that tells the mistake, without the program's name."""
        if self.case.is_result:
            return self.outcome.stdout.splitlines()[0]
        return self.outcome.line.removeprefix(PREFIX)


def snapshot(folder: Path) -> dict[str, str]:
    """Return what stands in a folder: relative path and hash; special files by their kind."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = "folder" if path.is_dir() else "special"
        is_file = path.is_file() and not path.is_symlink()
        found[os.fspath(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else kind
    return found
