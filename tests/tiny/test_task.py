"""The problems and their splits."""

import pytest

from twogrpo.tiny.task import FAMILIES, Problem, canonical_problems, problems, split_of


@pytest.mark.parametrize(
    ("family", "train", "validation", "test"),
    [("add", 2641, 445, 1009), ("sub", 2605, 423, 1067), ("add3", 2879, 425, 1150)],
)
def test_a_family_splits_into_the_published_counts(family, train, validation, test):
    splits = [split_of(problem) for problem in canonical_problems(family)]
    assert [splits.count(name) for name in ("train", "validation", "test")] == [train, validation, test]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_canonical_problem_occurs_twice(family):
    assert len(set(canonical_problems(family))) == len(canonical_problems(family))


def test_an_addition_is_in_one_split_in_either_order():
    assert all(split_of(problem) == split_of(problem.swapped) for problem in canonical_problems("add"))


def test_a_subtraction_is_its_own_canonical_form():
    problem = Problem("sub", 92, 79)
    assert problem.canonical == problem


@pytest.mark.parametrize(
    ("problem", "question", "answer"),
    [
        (Problem("add", 12, 34), "12+34", 46),
        (Problem("sub", 92, 79), "92-79", 13),
        (Problem("add3", 529, 277), "529+277", 806),
    ],
)
def test_a_problem_knows_its_text_and_answer(problem, question, answer):
    assert (problem.question, problem.answer) == (question, answer)


def test_train_holds_every_training_problem_once():
    shown = problems("train", seed=5)
    assert len({problem.canonical for problem in shown}) == len(shown) == 8125


def test_the_splits_of_one_seed_share_no_problem():
    splits = [{problem.canonical for problem in problems(name, seed=5)} for name in ("train", "validation", "test")]
    assert sum(map(len, splits)) == len(set.union(*splits))


def test_both_orders_of_display_occur_about_equally_often():
    shown = [
        problem for problem in problems("train", seed=5) if problem.left != problem.right and problem.family != "sub"
    ]
    assert 0.45 < sum(problem.left < problem.right for problem in shown) / len(shown) < 0.55


def test_a_prefix_holds_the_families_in_equal_shares():
    shown = problems("test", seed=5, per_family=400)[:30]
    assert [sum(problem.family == family for problem in shown) for family in FAMILIES] == [10, 10, 10]


def test_another_seed_gives_another_order():
    assert problems("test", seed=5) != problems("test", seed=6)
