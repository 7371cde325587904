"""One line of docs/equality.md as data: an answer, a gold answer, and what each profile says to them."""

from dataclasses import dataclass

from twogrpo import verify

PROFILES = ("rl", "eval", "strict")
WORDS = ("yes", "no", "unevaluated")


@dataclass(frozen=True)
class Case:
    """An answer and a gold answer.

    Attributes:
        answer: The final answer, as it stands in the box.
        gold: The gold answer.
        expected: `yes`, `no` or `unevaluated` under each of `PROFILES`, with spaces between them.
    """

    answer: str
    gold: str
    expected: str

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What is expected, a word a profile."""
        words = tuple(self.expected.split())
        if len(words) != len(PROFILES) or not set(words) <= set(WORDS):
            raise ValueError(f"{self.expected!r} is not one of {WORDS} for each of {PROFILES}")
        return words

    @property
    def found(self) -> tuple[str, ...]:
        """What the verifier says, a word a profile."""
        verdicts = [verify(self.answer, self.gold, profile=profile, mode="answer") for profile in PROFILES]
        return tuple(
            "yes" if verdict.correct else "unevaluated" if verdict.status == "unevaluated" else "no"
            for verdict in verdicts
        )


@dataclass(frozen=True)
class Rule:
    """A rule of equality.

    Attributes:
        title: Its heading.
        says: What it says, in Markdown.
        cases: Examples: where it holds, where it ends, and where the profiles differ.
    """

    title: str
    says: str
    cases: tuple[Case, ...]
