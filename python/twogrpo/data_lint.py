"""Whether a data set can be trained on as it stands: its golds, its duplicates, and the rows that training refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from twogrpo.errors import DataError
from twogrpo.gold_lint import GoldLint, lint_golds
from twogrpo.prompt_files import PromptRow, prompt_and_gold_column, prompt_row
from twogrpo.row_files import STREAM, read_rows
from twogrpo.verifier import verify_batch

__all__ = ["DataLint", "Finding", "FoundRow", "Severity", "lint_data"]

Severity: TypeAlias = Literal["error", "warning", "note"]
"""An error costs rewards or makes them wrong, a warning wastes rows, a note is a mere fact."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
EVALUATION = "eval"
_OPTIONS = ("--prompt-column", "--gold-column")


@dataclass(frozen=True)
class FoundRow:
    """A row that something was found in."""

    place: str
    """File and place in it, such as `problems.jsonl, line 3`, counted from 1."""
    golds: tuple[str, ...]
    """Its gold answers; none where the row could not be used."""
    detail: str
    """What is to be said of this row alone; mostly nothing."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for, and the rows that it was found in."""

    name: str
    severity: Severity
    meaning: str
    rows: tuple[FoundRow, ...]


@dataclass(frozen=True)
class DataLint:
    """What was found in a data set."""

    source: str
    """The file, or `stdin`."""
    profile: str
    rows: int
    """All rows of the file."""
    findings: tuple[Finding, ...]
    """Everything that was looked for, found or not, the worst first."""
    evaluation: Mapping[str, int]
    """How many rows are unparsable and unverified under the profile `eval`."""
    kinds: Mapping[str, int]
    """Gold answers by kind, the most frequent first."""

    def has(self, severity: Severity) -> bool:
        """Return whether anything of this severity was found."""
        return any(finding.rows for finding in self.findings if finding.severity == severity)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as values of JSON."""
        return asdict(self)


def lint_data(
    source: str | Path, *, profile: str = "rl", prompt_column: str | None = None, gold_column: str | None = None
) -> DataLint:
    """Return what is to be said of a data set of problems with gold answers.

    Args:
        source: A .jsonl or .parquet file, or `-` for JSON lines on stdin.
        profile: The verifier's profile that golds are judged under; `eval` is compared with in any case.
        prompt_column: Column of the problem; by default the first present of problem, question, prompt.
        gold_column: Column of the gold answer; `answer` by default.

    Raises:
        ConfigError: If the file is of another kind, or a column is not there.
        DataError: If the file is missing, unreadable or without rows.
        VerifyError: If the profile is unknown.
    """
    name = "stdin" if str(source) == STREAM else str(source)
    rows, unusable = _read(source, name, prompt_column, gold_column)
    golds = [row.golds for row in rows]
    lint, evaluated = (lint_golds(golds, profile=name) for name in (profile, EVALUATION))
    refused = Finding("unusable", "error", "training refuses the row", tuple(unusable))
    findings = [refused, *_gold_findings(rows, lint), *_repeats(rows)]
    return DataLint(
        source=name,
        profile=profile,
        rows=len(rows) + len(unusable),
        findings=tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))),
        evaluation={"unparsable": len(evaluated.unparsable), "unverified": len(_unverified(evaluated))},
        kinds=lint.kinds,
    )


def _read(
    source: str | Path, name: str, prompt_column: str | None, gold_column: str | None
) -> tuple[list[PromptRow], list[FoundRow]]:
    """Return the rows that can be used, and what is wrong with the others."""
    rows: list[PromptRow] = []
    unusable: list[FoundRow] = []
    columns: tuple[str, str] | None = None
    for row in read_rows(source):
        columns = columns or prompt_and_gold_column(name, row.values, prompt_column, gold_column, options=_OPTIONS)
        try:
            rows.append(prompt_row(row, Path(name).stem, *columns))
        except DataError as error:
            unusable.append(FoundRow(row.place, (), str(error).removeprefix(f"{row.place}: ")))
    if columns is None:
        raise DataError(f"{name} has no rows; expected one problem a row")
    return rows, unusable


def _gold_findings(rows: Sequence[PromptRow], lint: GoldLint) -> list[Finding]:
    def found(name: str, severity: Severity, meaning: str, indexes: Sequence[int]) -> Finding:
        places = (FoundRow(rows[index].place, rows[index].golds, "") for index in indexes)
        return Finding(name, severity, meaning, tuple(places))

    return [
        found("empty", "error", "the gold is blank", lint.empty),
        found("unparsable", "error", "the gold is not understood: a wrong answer has no reward", lint.unparsable),
        found("unverified", "error", r"the gold in \boxed{} is not accepted", _unverified(lint)),
        found("several values", "note", "a response has to name all of them", lint.several_valued),
        found("alternatives", "note", "any of several golds is accepted", lint.alternatives),
    ]


def _unverified(lint: GoldLint) -> list[int]:
    """Return the rows whose golds are not accepted, without those that are blank."""
    return sorted(set(lint.unverified).difference(lint.empty))


def _repeats(rows: Sequence[PromptRow]) -> list[Finding]:
    """Return the problems that occur again, with golds that are equal to those of the first time and that are not."""
    first: dict[str, int] = {}
    repeats = [(first.setdefault(" ".join(row.text.split()), index), index) for index, row in enumerate(rows)]
    repeats = [(before, index) for before, index in repeats if before != index]
    pairs = [(place, gold) for place, (_, index) in enumerate(repeats) for gold in rows[index].golds]
    golds = [list(rows[repeats[place][0]].golds) for place, _ in pairs]
    verdicts = verify_batch([gold for _, gold in pairs], golds, profile=EVALUATION, mode="answer")["correct"]
    equal = {place for (place, _), is_equal in zip(pairs, verdicts, strict=True) if is_equal}
    equal |= {place for place, (before, index) in enumerate(repeats) if rows[before].golds == rows[index].golds}

    def found(name: str, severity: Severity, meaning: str, *, is_equal: bool) -> Finding:
        chosen = [repeats[place] for place in range(len(repeats)) if (place in equal) is is_equal]
        return Finding(name, severity, meaning, tuple(_repeat(rows[before], rows[index]) for before, index in chosen))

    return [
        found("conflicting", "error", "the same problem with a different gold", is_equal=False),
        found("duplicate", "warning", "the same problem again, its gold equal", is_equal=True),
    ]


def _repeat(before: PromptRow, row: PromptRow) -> FoundRow:
    return FoundRow(row.place, row.golds, f"first in {before.place}, gold {' | '.join(before.golds)}")
