r"""The peer's side of `bench/verify.py`: math-verify with its defaults, its timeouts by signals included.

Bare answers and golds are handed to it in `\boxed{}`, unless they stand in dollars already; responses as they are.
"""

from math_verify import parse, verify

from rounds import Item, run_rounds


def judge(item: Item) -> bool:
    """Return whether one answer is right."""
    text = _framed(item.text) if item.is_bare else item.text
    return bool(verify(parse(_framed(item.gold)), parse(text)))


def _framed(answer: str) -> str:
    return answer if "$" in answer.replace(r"\$", "") else rf"\boxed{{{answer}}}"


if __name__ == "__main__":
    run_rounds(judge)
