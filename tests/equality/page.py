"""docs/equality.md: every rule of equality with the examples that the tests hold the verifier to.

`python -m tests.equality.page` from the top of the repository writes the page.
"""

import sys
from pathlib import Path

from tests.equality.case import PROFILES, Case, Rule
from tests.equality.cases import SECTIONS

PAGE = Path(__file__).parents[2] / "docs" / "equality.md"
OPENING = """# What counts as equal

<!-- Written by `make equality-page` from the cases under tests/equality; the tests fail where it is stale. -->

When does an answer equal the gold answer? One rule after the other, each with examples under the
[profiles](verification.md#profiles) `rl`, `eval` and `strict`. Answer and gold answer stand as in the box.
`math_verify` compares as `eval` does, with decimal commas; `string` compares text.

*yes* is a match. *unevaluated* is the status of an answer that has the right value and leaves arithmetic to be done;
like *no*, it is a reward of 0. Every line is a test. Of any other pair,
`twogrpo verify ANSWER --bare --gold GOLD --explain` says which rule decided."""
_NAMES = " | ".join(f"`{profile}`" for profile in PROFILES)
HEADING = f"| answer | gold answer | {_NAMES} |\n|---|---|{'---|' * len(PROFILES)}"


def written() -> str:
    """Return the page."""
    parts = [OPENING]
    for section, rules in SECTIONS.items():
        parts.append(f"## {section}")
        parts += [_rule(rule) for rule in rules]
    return "\n\n".join(parts) + "\n"


def _rule(rule: Rule) -> str:
    return f"### {rule.title}\n\n{rule.says}\n\n{HEADING}\n" + "\n".join(_row(case) for case in rule.cases)


def _row(case: Case) -> str:
    return f"| {_code(case.answer)} | {_code(case.gold)} | {' | '.join(case.verdicts)} |"


def _code(text: str) -> str:
    # A bar would end the cell, in code as well.
    return f"`{text}`".replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(), encoding="utf-8")
    sys.stderr.write(f"{PAGE}: {sum(len(rule.cases) for rules in SECTIONS.values() for rule in rules)} cases\n")


if __name__ == "__main__":
    main()
