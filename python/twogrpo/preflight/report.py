"""What a dry run hands back: sections of facts and warnings, and the problems for which the run would be refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from twogrpo.errors import TwoGrpoError

__all__ = ["Checks", "Fact", "Problem", "Report", "Section", "counted"]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Fact:
    """One thing that was found.

    Attributes:
        name: In snake_case; a key of the report's JSON.
        value: Anything that JSON holds.
        text: The value in words, a line each; the value itself by default.
        is_detail: Shown only where everything is asked for; JSON always has it.
        is_table: Its text has columns of its own and is shown without the name.
    """

    name: str
    value: Any
    text: str | None = None
    is_detail: bool = False
    is_table: bool = False


@dataclass(frozen=True)
class Section:
    """What was found about one part of a run, and what may surprise its user."""

    title: str
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Something for which the run would be refused."""

    section: str
    error: TwoGrpoError


@dataclass(frozen=True)
class Report:
    """A preflight, in the order in which it is read.

    Attributes:
        command: `online` or `dpo`.
        sections: What was found; a section is left out where a problem kept it from being looked at.
        problems: In the order in which the run would meet them; empty if it can start.
    """

    command: str
    sections: tuple[Section, ...]
    problems: tuple[Problem, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every section's warnings."""
        return tuple(warning for section in self.sections for warning in section.warnings)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return {
            "command": self.command,
            "is_ready": not self.problems,
            "sections": {
                section.title: {fact.name: fact.value for fact in section.facts} | {"warnings": list(section.warnings)}
                for section in self.sections
            },
            "problems": [
                {"section": each.section, "exit_code": each.error.exit_code, "message": str(each.error)}
                for each in self.problems
            ],
        }

    def raise_first(self) -> None:
        """Raise the problem that the run would meet first, and say how many more there are.

        Raises:
            TwoGrpoError: Of the same class as in the run, so with its exit code.
        """
        if not self.problems:
            return
        first, more = self.problems[0].error, len(self.problems) - 1
        if more == 0:
            raise first
        raise type(first)(f"{first}; and {counted(more, 'more problem')}, listed in the report")


@dataclass
class Checks:
    """Collects a report while one thing after the other is looked at, and goes on after a problem."""

    sections: list[Section] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, section: Section) -> None:
        """Take a section into the report."""
        self.sections.append(section)

    def report(self, command: str) -> Report:
        """Return all that was collected."""
        return Report(command, tuple(self.sections), tuple(self.problems))

    def attempt(self, section: str, look: Callable[[], Found]) -> Found | None:
        """Return what `look` returns, or None if it refuses; the refusal is kept as a problem of that section."""
        try:
            return look()
        except TwoGrpoError as error:
            # One missing folder is one problem, however many parts of the run want it.
            if str(error) not in {str(each.error) for each in self.problems}:
                self.problems.append(Problem(section, error))
            return None


def counted(number: int, noun: str) -> str:
    """Return a number of things, such as `1 update` or `1,200 updates`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
