"""Every rule of equality, by the sections of docs/equality.md."""

from tests.equality.cases_forms import FORMS
from tests.equality.cases_numbers import NUMBERS
from tests.equality.cases_words import WORDS

SECTIONS = {"Numbers": NUMBERS, "Forms": FORMS, "Words, choices, and what is never right": WORDS}
RULES = [rule for rules in SECTIONS.values() for rule in rules]
CASES = [case for rule in RULES for case in rule.cases]
