r"""Worked answers, and the unreliable demonstrations that the warm start imitates.

A worked answer goes column by column from the right, ``9+9=18,1+9+1=11.\boxed{118}``. About half of the
demonstrations are wrong on purpose, guesses and slips: imitation can reach their share of right answers and not
much more, while a verifier tells the right ones apart. That gap is what the embedded default is there to show.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from twogrpo.tiny.task import Problem

__all__ = ["Demonstration", "demonstrations", "unreliable_answer", "worked_answer"]

_GUESS_PROBABILITY = 0.4
_GUESS_OFFSETS = (-30, -20, -10, -3, -2, -1, 0, 1, 2, 3, 10, 20, 30)
_SLIP_PROBABILITY = 0.08
_SLIP_OFFSETS = (-2, -1, 1, 2)


@dataclass(frozen=True)
class Demonstration:
    """A problem with a response that may be wrong."""

    problem: Problem
    response: str

    @property
    def is_right(self) -> bool:
        """Whether the response ends in the right answer."""
        return self.response.endswith(_boxed(self.problem.answer))


def demonstrations(problems: list[Problem], *, seed: int) -> list[Demonstration]:
    """Return one unreliable demonstration for each problem, about 52 % of them right."""
    rng = random.Random(f"tiny demonstrations {seed}")
    return [Demonstration(problem, unreliable_answer(problem, rng)) for problem in problems]


def unreliable_answer(problem: Problem, rng: random.Random) -> str:
    """Return a guess without working (40 %), or working in which a step is off by one or two (8 % of the steps)."""
    if rng.random() < _GUESS_PROBABILITY:
        return _boxed(max(0, problem.answer + rng.choice(_GUESS_OFFSETS)))

    def slip(value: int) -> int:
        return max(0, value + rng.choice(_SLIP_OFFSETS)) if rng.random() < _SLIP_PROBABILITY else value

    return worked_answer(problem, slip)


def worked_answer(problem: Problem, slip: Callable[[int], int] = lambda value: value) -> str:
    """Return the working column by column and the answer that follows from it.

    Args:
        problem: Two numbers with equally many digits.
        slip: What is written instead of a step's value. A slip is carried on: the answer is made of the values that
            were written, and so is the carry of an addition. The identity gives the right answer.
    """
    work = _subtract_columns if problem.family == "sub" else _add_columns
    steps, values = work(_digits(problem.left), _digits(problem.right), slip)
    answer = int("".join([str(values[-1]), *(str(value % 10) for value in reversed(values[:-1]))]))
    return f"{','.join(steps)}.{_boxed(answer)}"


def _add_columns(left: list[int], right: list[int], slip: Callable[[int], int]) -> tuple[list[str], list[int]]:
    steps, values, carry = [], [], 0
    for a, b in zip(left, right, strict=True):
        value = slip(a + b + carry)
        steps.append(f"{a}+{b}{f'+{carry}' if carry else ''}={value}")
        values.append(value)
        carry = value // 10
    return steps, values


def _subtract_columns(left: list[int], right: list[int], slip: Callable[[int], int]) -> tuple[list[str], list[int]]:
    steps, values, borrow = [], [], 0
    for column, (a, b) in enumerate(zip(left, right, strict=True)):
        # The leading column has nothing to borrow from, and with left >= right it never needs to.
        borrows = a < b + borrow and column + 1 < len(left)
        lent = a + 10 if borrows else a
        value = slip(lent - b - borrow)
        steps.append(f"{lent}-{b}{f'-{borrow}' if borrow else ''}={value}")
        values.append(value)
        borrow = int(borrows)
    return steps, values


def _digits(number: int) -> list[int]:
    return [int(digit) for digit in reversed(str(number))]


def _boxed(number: int) -> str:
    return f"\\boxed{{{number}}}"
