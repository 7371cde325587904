"""Kinds of difference between two graders on a response, each with its reason: the first that fits names it.

A kind is told by who accepts the answer, by what our verdict says, and by how the answer and the gold are written; none
knows a row.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["KINDS", "Difference", "Kind", "kind_of"]


@dataclass(frozen=True)
class Difference:
    """A response that one side accepts and the other does not."""

    gold: str
    has_box: bool
    """Whether the response holds a closed box."""
    extracted: str
    """The answer that ours found, or nothing."""
    status: str
    rule: str
    is_accepted_by_ours: bool


@dataclass(frozen=True)
class Kind:
    """A kind of difference."""

    name: str
    reason: str
    is_accepted_by_ours: bool
    fits: Callable[[Difference], bool]


def kind_of(difference: Difference) -> Kind | None:
    """Return the first kind that fits; none if the difference is not explained."""
    sides = (kind for kind in KINDS if kind.is_accepted_by_ours == difference.is_accepted_by_ours)
    return next((kind for kind in sides if kind.fits(difference)), None)


_EXPONENT = re.compile(r"\d[eE][-+]?\d")
_LETTERS = re.compile(r"\\[a-zA-Z]+|[a-zA-Z]+")


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))


def _is_same_but_for_case(one: Difference) -> bool:
    """Return whether both sides have the same letters, some of another case."""
    answer = one.extracted.rpartition("=")[2]
    ours, theirs = ("".join(sorted(set(_LETTERS.findall(text)))) for text in (answer, one.gold))
    return ours != theirs and sorted(set(ours.lower())) == sorted(set(theirs.lower()))


def _has_words(one: Difference) -> bool:
    return bool(re.search(r"\\text|\\mathrm|[A-Za-zÅ]{2,}|Å", one.extracted)) and any(
        number in _numbers(one.extracted) for number in _numbers(one.gold)
    )


KINDS = (
    Kind(
        "the gold is written with an exponent, 1.5e-7",
        "Ours reads the notation as the number that it is; math-verify reads e as Euler's number or a name.",
        is_accepted_by_ours=True,
        fits=lambda one: bool(_EXPONENT.search(one.gold)),
    ),
    Kind(
        "a percent sign on one side",
        "Under `eval` both readings count where one side alone has the sign; math-verify takes hundredths only.",
        is_accepted_by_ours=True,
        fits=lambda one: one.rule == "percent",
    ),
    Kind(
        "rounding",
        "Under `eval` a decimal may round to the gold; math-verify rounds at six decimals only.",
        is_accepted_by_ours=True,
        fits=lambda one: one.rule == "rounding",
    ),
    Kind(
        "a choice with what it says",
        "The gold is a letter; ours takes `(C) Plane` as the choice C, math-verify compares the text.",
        is_accepted_by_ours=True,
        fits=lambda one: one.rule == "choice",
    ),
    Kind(
        "mathematics in Unicode",
        "Roots, superscripts and Greek letters in Unicode are read by ours as LaTeX is.",
        is_accepted_by_ours=True,
        fits=lambda one: not one.extracted.isascii(),
    ),
    Kind(
        "no box",
        "Both look elsewhere for the answer and take another place; ours an answer phrase, then the last formula.",
        is_accepted_by_ours=True,
        fits=lambda one: not one.has_box,
    ),
    Kind(
        "a left side or a chain of equal members",
        "Ours drops a left side that the gold does not have; math-verify does so for a single name.",
        is_accepted_by_ours=True,
        fits=lambda one: "=" in one.extracted,
    ),
    Kind(
        "expressions that sympy does not bring together",
        "Ours has a normal form for them; sympy does not simplify the difference to 0 within its time.",
        is_accepted_by_ours=True,
        fits=lambda one: one.rule in {"symbolic", "spelling", "relation"},
    ),
    Kind(
        "names beside the values of a list",
        "Under `eval` ours leaves out the labels in `Ann: 7, Ben: 14`; math-verify reads them as names.",
        is_accepted_by_ours=True,
        fits=lambda one: one.rule in {"set", "tuple"} and bool(_LETTERS.search(one.extracted)),
    ),
    Kind(
        "several boxes",
        "Ours takes the last box; math-verify makes one set of boxes that stand together.",
        is_accepted_by_ours=True,
        fits=lambda one: one.rule in {"identical", "number"},
    ),
    Kind(
        "an unfinished box",
        "The response breaks off inside a box or leaves it empty: no answer for ours, an earlier one for math-verify.",
        is_accepted_by_ours=False,
        fits=lambda one: one.status in {"empty", "unclosed"},
    ),
    Kind(
        "no box",
        "No answer was announced. math-verify also takes a number or formula from earlier in the text.",
        is_accepted_by_ours=False,
        fits=lambda one: not one.has_box,
    ),
    Kind(
        "letters of another case",
        "Upper and lower case are different names for ours; math-verify folds them.",
        is_accepted_by_ours=False,
        fits=_is_same_but_for_case,
    ),
    Kind(
        "words or an unknown unit beside the value",
        "Ours knows its table of units and refuses a word that it does not know; math-verify drops it.",
        is_accepted_by_ours=False,
        fits=_has_words,
    ),
    Kind(
        "an equation for a value, or another equation",
        "Ours holds the left side against the gold where it is more than a name; math-verify drops it.",
        is_accepted_by_ours=False,
        fits=lambda one: "=" in one.extracted,
    ),
    Kind(
        "fewer values than the gold",
        "math-verify merges several boxes into one answer; ours takes the last one.",
        is_accepted_by_ours=False,
        fits=lambda one: "," in one.gold,
    ),
)
