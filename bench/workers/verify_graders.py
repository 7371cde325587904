r"""The side of `bench/verify.py` with the graders of other trainers: `verify_graders.py NAME ...`.

Each is one file of its package and is loaded alone: the packages import Ray or CUDA at their top, which the graders do
not need, so that `pip install --no-deps` serves. A bare answer is handed over in the form that the grader looks for.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from rounds import Item, run_rounds


def _module(package: str, file: str) -> ModuleType:
    """Return one file of an installed package, without what else the package imports."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        sys.exit(f"{package} is not installed")
    path = Path(found.submodule_search_locations[0]) / file
    spec = importlib.util.spec_from_file_location(f"grader_{path.stem}", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _math_dapo() -> Callable[[Item], bool]:
    grader = _module("verl", "utils/reward_score/math_dapo.py")
    return lambda item: bool(grader.compute_score(_framed(item, "Answer: {}"), _bare(item.gold))["acc"])


def _math_reward() -> Callable[[Item], bool]:
    grader = _module("verl", "utils/reward_score/math_reward.py")
    return lambda item: grader.compute_score(_framed(item, r"\boxed{{{}}}"), _bare(item.gold)) > 0


def _grade_answer() -> Callable[[Item], bool]:
    grader = _module("openrlhf", "utils/math_utils.py")

    def judge(item: Item) -> bool:
        answer = _bare(item.text) if item.is_bare else grader.extract_boxed_answer(item.text)
        return answer is not None and bool(grader.grade_answer(answer, _bare(item.gold)))

    return judge


def _framed(item: Item, form: str) -> str:
    return form.format(_bare(item.text)) if item.is_bare else item.text


def _bare(answer: str) -> str:
    """Return an answer without the dollars around it, which these graders do not expect."""
    inner = answer.strip().removeprefix("$").removesuffix("$")
    return inner if "$" not in inner.replace(r"\$", "") else answer


GRADERS = {"math_dapo": _math_dapo, "math_reward": _math_reward, "grade_answer": _grade_answer}


if __name__ == "__main__":
    run_rounds(GRADERS[sys.argv.pop(1)]())
