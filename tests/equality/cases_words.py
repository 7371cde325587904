"""Words and choices, and what is never a right answer."""

from tests.equality.case import Case, Rule

WORDS = (
    Rule(
        "Words",
        "Text is compared as text. `eval` looks past upper case, hyphens and articles, and knows a few synonyms; `rl` "
        "lets nothing but a known unit or *the answer is* stand beside a value.",
        (
            Case(r"\text{Monday}", "Monday", "yes yes yes"),
            Case("monday", "Monday", "no yes no"),
            Case(r"\text{the odd numbers}", r"\text{odd numbers}", "no yes no"),
            Case(r"\text{no solution}", r"\emptyset", "no yes no"),
            Case("yes", "Yes", "no yes no"),
            Case(r"\text{the answer is } 5", "5", "yes yes no"),
            Case(r"\text{about } 5", "5", "no yes no"),
            Case("Tuesday", "Monday", "no no no"),
        ),
    ),
    Rule(
        "Choices",
        "Where the gold answer is a letter from A to J, the answer has to name exactly one.",
        (
            Case("(C)", "C", "yes yes yes"),
            Case(r"\text{(C)}", "C", "yes yes yes"),
            Case("C.", "C", "yes yes yes"),
            Case("C. 12", "C", "no yes no"),
            Case("B or C", "C", "no no no"),
            Case("A, B, C, D", "C", "no no no"),
            Case("c", "C", "no no no"),
        ),
    ),
    Rule(
        "Never right",
        "Several values for one, a variable for a value, an interval around it, an identity, and what has no value.",
        (
            Case("41, 42", "42", "no no no"),
            Case(r"41 \text{ or } 42", "42", "no no no"),
            Case(r"x = 41 \text{ or } x = 42", "42", "no no no"),
            Case(r"\pm 42", "42", "no no no"),
            Case("[41, 43]", "42", "no no no"),
            Case(r"2 + \sqrt{3}, 2 - \sqrt{3}", "2", "no no no"),
            Case("x", "42", "no no no"),
            Case("x = x", "42", "no no no"),
            Case(r"\frac{0}{0}", "42", "no no no"),
            Case(r"\text{NaN}", "42", "no no no"),
        ),
    ),
)
