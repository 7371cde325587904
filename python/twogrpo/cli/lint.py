"""`twogrpo lint`: is a data set fit to be trained on?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.verify import Profile
from twogrpo.errors import DataError

if TYPE_CHECKING:
    from twogrpo.data_lint import DataLint, Finding, FoundRow

__all__ = ["lint"]

FOUND = DataError.exit_code
WIDTH = 60
PICTURES = 0x2400  # where Unicode has pictures of control characters


def lint(
    data: Annotated[str, typer.Argument(metavar="DATA", help="Problems with golds: .jsonl, .parquet, or - for stdin.")],
    *,
    profile: Annotated[Profile, typer.Option("--profile", help="Rules that the golds are judged under.")] = "rl",
    prompt_column: Annotated[
        str | None, typer.Option("--prompt-column", help="Column of the problem: problem, question or prompt.")
    ] = None,
    gold_column: Annotated[str | None, typer.Option("--gold-column", help="Column of the gold: answer.")] = None,
    show: Annotated[int, typer.Option("--show", metavar="N", min=0, help="Rows to show of each finding.")] = 3,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Check the gold answers of DATA, and look for duplicates.

    Exits with 3 if an error was found: a gold that is blank, not understood or not accepted as an answer to itself, a
    row that training refuses, or one problem with two golds that differ. Duplicates are warnings.
    """
    from twogrpo.data_lint import lint_data

    report = lint_data(data, profile=profile, prompt_column=prompt_column, gold_column=gold_column)
    if as_json:
        print_json(report.to_dict())
    else:
        for line in _lines(report, show):
            print(line)
    if report.has("error") or (strict and report.has("warning")):
        raise typer.Exit(FOUND)


def _lines(report: "DataLint", show: int) -> Iterator[str]:
    yield f"{report.source}: {report.rows:,} row{'' if report.rows == 1 else 's'}, profile {report.profile}"
    for finding in report.findings:
        if finding.rows:
            yield from _finding_lines(finding, f"{report.source}, ", show)
    if not report.has("error"):
        yield "every gold is understood and accepted as an answer to itself"
    if report.profile != "eval":
        unparsable, unverified = report.evaluation["unparsable"], report.evaluation["unverified"]
        yield f"under eval: {unparsable:,} unparsable, {unverified:,} unverified"
    yield "kinds: " + ", ".join(f"{kind} {count:,}" for kind, count in report.kinds.items())


def _finding_lines(finding: "Finding", file: str, show: int) -> Iterator[str]:
    yield f"{finding.severity:<8}{finding.name:<15}{len(finding.rows):>7,}  {finding.meaning}"
    for row in finding.rows[:show]:
        # The heading names the file.
        yield f"        {_row_text(row)}".replace(file, "")
    if show and len(finding.rows) > show:
        yield f"        and {len(finding.rows) - show:,} more; --show {len(finding.rows)} shows them, --json as well"


def _row_text(row: "FoundRow") -> str:
    gold = " | ".join(row.golds)
    details = [_short(text) for text in (gold, row.detail) if text.strip()]
    return ": ".join([row.place, "; ".join(details)] if details else [row.place])


def _short(text: str) -> str:
    r"""Return one line that shows control characters: a tab for the `\t` of `\text` is a common accident."""
    shown = (chr(PICTURES + ord(letter)) if ord(letter) < ord(" ") else letter for letter in text.strip(" \r\n"))
    line = "".join(shown)
    return line if len(line) <= WIDTH else f"{line[:WIDTH]}..."
