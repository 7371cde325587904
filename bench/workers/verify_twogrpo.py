"""Our side of `bench/verify.py`: the public verifier under the profile `eval`, which reads what the peer reads."""

from collections.abc import Sequence

from rounds import Item, run_rounds
from twogrpo import verify, verify_batch

PROFILE = "eval"


def judge(item: Item) -> bool:
    """Return whether one answer is right."""
    return verify(item.text, item.gold, profile=PROFILE, mode="answer" if item.is_bare else "response").correct


def judge_all(items: Sequence[Item]) -> None:
    """Judge all answers of a set, which are of one mode."""
    mode = "answer" if items[0].is_bare else "response"
    verify_batch([item.text for item in items], [item.gold for item in items], profile=PROFILE, mode=mode)


if __name__ == "__main__":
    run_rounds(judge, judge_all)
