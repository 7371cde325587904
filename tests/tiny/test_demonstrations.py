r"""Worked answers and unreliable demonstrations."""

import random
import re

import pytest

from twogrpo.tiny.demonstrations import demonstrations, unreliable_answer, worked_answer
from twogrpo.tiny.task import FAMILIES, Problem, canonical_problems, problems

STEP = re.compile(r"(\d+)([+-])(\d)(?:([+-])(1))?=(\d+)")


def steps_of(response):
    """Yield (left, right) of every equation of a worked answer, computed from its text."""
    for step in response.partition(".")[0].split(","):
        a, sign, b, carry_sign, carry, value = STEP.fullmatch(step).groups()
        carried = 0 if carry is None else int(carry_sign + carry)
        yield int(a) + int(sign + b) + carried, int(value)


def boxed(response):
    return int(re.fullmatch(r"[^\\]*\\boxed\{(\d+)\}", response)[1])


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("add", 99, 19), r"9+9=18,9+1+1=11.\boxed{118}"),
        (Problem("sub", 92, 79), r"12-9=3,9-7-1=1.\boxed{13}"),
        (Problem("add3", 529, 277), r"9+7=16,2+7+1=10,5+2+1=8.\boxed{806}"),
        (Problem("sub", 55, 55), r"5-5=0,5-5=0.\boxed{0}"),
    ],
)
def test_a_worked_answer_goes_column_by_column_from_the_right(problem, expected):
    assert worked_answer(problem) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_every_step_of_every_worked_answer_is_true(family):
    answers = [worked_answer(problem) for problem in canonical_problems(family)]
    assert all(left == right for answer in answers for left, right in steps_of(answer))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_worked_answer_ends_in_the_right_answer(family):
    shown = canonical_problems(family)
    assert [boxed(worked_answer(problem)) for problem in shown] == [problem.answer for problem in shown]


def test_a_slip_is_carried_into_the_next_column_and_the_answer():
    assert worked_answer(Problem("add", 28, 13), lambda value: value - 2) == r"8+3=9,2+1=1.\boxed{19}"


def test_a_slip_of_a_subtraction_leaves_its_borrow_alone():
    assert worked_answer(Problem("sub", 42, 15), lambda value: value + 1) == r"12-5=8,4-1-1=3.\boxed{38}"


def test_two_of_five_demonstrations_are_guesses():
    rng = random.Random(0)
    answers = [unreliable_answer(problem, rng) for problem in problems("train", seed=0)]
    assert 0.38 < sum(answer.startswith("\\") for answer in answers) / len(answers) < 0.42


@pytest.mark.parametrize("seed", range(5))
def test_about_half_of_the_demonstrations_are_right(seed):
    shown = demonstrations(problems("train", seed=seed), seed=seed)
    assert 0.50 < sum(each.is_right for each in shown) / len(shown) < 0.54


def test_a_demonstration_is_right_exactly_if_its_boxed_number_is():
    shown = demonstrations(problems("train", seed=3), seed=3)
    assert [each.is_right for each in shown] == [boxed(each.response) == each.problem.answer for each in shown]


def test_no_demonstration_holds_a_negative_number():
    shown = demonstrations(problems("train", seed=3), seed=3)
    assert all(boxed(each.response) >= 0 for each in shown)


def test_equal_seeds_give_equal_demonstrations():
    shown = problems("train", seed=3)[:200]
    assert demonstrations(shown, seed=1) == demonstrations(shown, seed=1) != demonstrations(shown, seed=2)
