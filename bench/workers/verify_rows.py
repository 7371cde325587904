"""Rows to verify, made on the spot: answers as models write them, in the proportions in which they occur.

Of real pairs of a model's answer and the gold answer about two thirds are number against number and a seventh are
identical texts; the rest are fractions, decimals, expressions, intervals and the like, spelled in two ways.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Row", "pairs", "responses"]


class Row(NamedTuple):
    """A gold answer and the text that is judged by it."""

    gold: str
    text: str


def pairs(count: int, seed: int) -> list[Row]:
    """Return gold answers with bare final answers, about half of them right."""
    rng = random.Random(seed)
    kinds, weights = zip(*_KINDS.items(), strict=True)
    return [kind(rng) for kind in rng.choices(kinds, weights, k=count)]


def responses(count: int, seed: int) -> list[Row]:
    r"""Return gold answers with worked solutions of about 2,400 characters; most of them end in `\boxed{}`."""
    rng = random.Random(seed)
    return [Row(row.gold, _solution(rng, row.text)) for row in pairs(count, seed + 1)]


def _numbers(rng: random.Random) -> Row:
    gold = rng.choice([rng.randint(-20, 200), rng.randint(0, 999), rng.randint(1000, 10**7)])
    is_right = rng.random() < 0.6
    answer = gold if is_right else gold + rng.choice([-10, -1, 1, 2, 100])
    spellings = [str(answer)] * 6 + [f"{answer:,}", f"${answer}$", f"{answer}.0"]
    return Row(str(gold), rng.choice(spellings))


def _identical(rng: random.Random) -> Row:
    a, b, c = (rng.randint(2, 30) for _ in range(3))
    text = rng.choice(
        [rf"\frac{{{a}}}{{{b}}}", rf"{a}\sqrt{{{b}}}", rf"{a}x^2+{b}x-{c}", rf"({a}, {b})", rf"\frac{{{a}\pi}}{{{b}}}"]
    )
    return Row(text, text)


def _fractions(rng: random.Random) -> Row:
    above, below = rng.randint(1, 60), rng.choice([2, 4, 5, 8, 10, 20, 25])
    wrong = rng.choice([0, 0, 1])
    spelled = [rf"\dfrac{{{above + wrong}}}{{{below}}}", f"{above + wrong}/{below}", str((above + wrong) / below)]
    return Row(rf"\frac{{{above}}}{{{below}}}", rng.choice(spelled))


def _expressions(rng: random.Random) -> Row:
    a, b = rng.randint(2, 9), rng.randint(1, 9)
    wrong = rng.choice([0, 0, 1])
    written = [
        (f"(x+{a})(x-{b})", f"x^2+{a - b + wrong}x-{a * b}"),
        (rf"\frac{{x+{a}}}{{{b}}}", rf"\frac{{x}}{{{b}}}+\frac{{{a + wrong}}}{{{b}}}"),
        (rf"{a}\sqrt{{{b}}}", rf"\sqrt{{{a * a * b + wrong}}}"),
        (rf"{a}\pi - {b}", rf"-{b + wrong} + {a}\pi"),
        (f"{a}^{{{b}}}", str(a**b + wrong)),
    ]
    return Row(*rng.choice(written))


def _collections(rng: random.Random) -> Row:
    a, b = sorted(rng.sample(range(-9, 20), 2))
    wrong = rng.choice([0, 0, 1])
    written = [
        (rf"\left[{a}, {b}\right)", f"[{a},{b + wrong})"),
        (rf"\left( {a}, {b} \right)", f"({a}, {b + wrong})"),
        (f"{a}, {b}", rf"{b} \text{{ and }} {a + wrong}"),
        (rf"\begin{{pmatrix}} {a} \\ {b} \end{{pmatrix}}", rf"\begin{{bmatrix}} {a} \\ {b + wrong} \end{{bmatrix}}"),
        (f"x > {a}", rf"({a + wrong}, \infty)"),
    ]
    return Row(*rng.choice(written))


def _measures(rng: random.Random) -> Row:
    value = rng.randint(2, 400)
    wrong = rng.choice([0, 0, 1])
    written = [
        (rf"{value}\%", f"{value + wrong}"),
        (rf"{value}^\circ", rf"{value + wrong}\text{{ degrees}}"),
        (rf"{value}\text{{ cm}}^2", f"{value + wrong}"),
        (rf"\${value}", rf"\${value + wrong}.00"),
        (rf"\text{{({'ABCDE'[value % 5]})}}", "ABCDE"[(value + wrong) % 5]),
        (r"\text{Monday}", rng.choice(["Monday", r"\text{Tuesday}"])),
    ]
    return Row(*rng.choice(written))


_KINDS: dict[Callable[[random.Random], Row], int] = {
    _numbers: 65,
    _identical: 14,
    _fractions: 7,
    _expressions: 6,
    _collections: 5,
    _measures: 3,
}

_SENTENCES = (
    "First, we write down what is given: the first quantity is ${a}$ and the second one is ${b}$.",
    r"Substituting $x = {a}$ into the equation gives \[ x^2 - {b}x + {c} = \frac{{{a}}}{{{b}}} + {c}. \]",
    "Next, we note that this holds for all values that are allowed here, so that nothing is lost.",
    r"By the quadratic formula, \( x = \frac{{-{b} \pm \sqrt{{{b}^2 - 4 \cdot {a} \cdot {c}}}}}{{2 \cdot {a}}} \).",
    "Let us check this step: {a} + {b} = {d}, as it should be.",
    r"**Step {a}:** Simplify both sides. Since ${a} \cdot {b} = {e}$, the left side is ${e}y - {c}$.",
    "Therefore the number of ways is the product of the two, and we divide by the symmetry.",
    "Wait, this needs care: the case of ${c}$ has to be looked at by itself, and it adds nothing new.",
)
_LENGTH = 2400
_ENDINGS = (
    r"Therefore, the answer is $\boxed{{{answer}}}$.",
    r"Thus, the final answer is: \[ \boxed{{{answer}}} \]",
    "The final answer is ${answer}$. I hope it is correct.",
)


def _solution(rng: random.Random, answer: str) -> str:
    length = rng.gammavariate(3, _LENGTH / 3)
    sentences: list[str] = []
    written = 0
    while written < length:
        a, b, c = (rng.randint(2, 60) for _ in range(3))
        sentences.append(rng.choice(_SENTENCES).format(a=a, b=b, c=c, d=a + b, e=a * b))
        written += len(sentences[-1]) + 1
    (ending,) = rng.choices(_ENDINGS, (60, 35, 5))
    return " ".join([*sentences, ending.format(answer=answer.strip("$"))])
