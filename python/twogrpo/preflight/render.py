"""A report as lines of text for a terminal of 80 columns."""

import textwrap
from collections.abc import Iterator

from twogrpo.preflight.report import Fact, Report, Section, counted

__all__ = ["render"]

WIDTH = 80
INDENT = "  "


def render(report: Report, *, is_verbose: bool = False) -> Iterator[str]:
    """Yield the lines of a report.

    Args:
        report: What to print.
        is_verbose: Also print the details.
    """
    yield f"twogrpo {report.command}: dry run, nothing is written"
    for section in report.sections:
        yield ""
        yield from _section(section, is_verbose=is_verbose)
    yield ""
    yield from _verdict(report)


def _section(section: Section, *, is_verbose: bool) -> Iterator[str]:
    yield section.title
    facts = [fact for fact in section.facts if is_verbose or not fact.is_detail]
    width = max((len(_label(fact)) for fact in facts if not fact.is_table), default=0)
    for fact in facts:
        yield from _fact(fact, width)
    for warning in section.warnings:
        yield from _wrapped(f"warning: {warning}", INDENT, INDENT + "  ")


def _fact(fact: Fact, width: int) -> Iterator[str]:
    first, *more = (fact.text if fact.text is not None else str(fact.value)).split("\n")
    indent = INDENT + " " * (width + 2)
    if fact.is_table:
        yield from (f"{INDENT}{line}" for line in (first, *more))
        return
    yield from _wrapped(first, f"{INDENT}{_label(fact):<{width}}  ", indent)
    for line in more:
        yield from _wrapped(line, indent, indent)


def _label(fact: Fact) -> str:
    """Return a fact's name in words; a size has its unit in the value."""
    return fact.name.removesuffix("_bytes").replace("_", " ")


def _verdict(report: Report) -> Iterator[str]:
    warnings = counted(len(report.warnings), "warning")
    if not report.problems:
        yield f"ready to start, {warnings}"
        return
    yield f"would be refused, {warnings}"
    for problem in report.problems:
        yield from _wrapped(f"{problem.section}: {problem.error}", f"{INDENT}x ", f"{INDENT}  ")


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        # A path or key is copied from here: never broken, even where it is too long for the line.
        break_long_words=False,
        break_on_hyphens=False,
    )
    # What must not be parted stands between no-break spaces until here.
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines] or [first.rstrip()]
