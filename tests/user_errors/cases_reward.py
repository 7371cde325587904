"""Mistakes in a reward function of the user's own: the function, the reason and the batch are named."""

from tests.user_errors.case import Case
from tests.user_errors.cases_configuration import written
from tests.user_errors.cases_data import BEGUN
from tests.user_errors.world import online

SCORED = "[float(sum(map(ord, response)) % 2) for response in responses]"
FAILED = ("all 12 rewards of the first batch failed", "reward.function")


def body(text, arguments="prompts, responses, golds"):
    """Return a reward function's file."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"import os, sys, time\n\n\ndef parity({arguments}):\n{lines}"


def good_function(folder):
    (folder / "reward.py").write_text(body(f"return {SCORED}"))


def function(did, text, *says, **arguments):
    """Return a case of a function that fails on the first batch."""
    return Case(
        did=did,
        words=online(),
        prepare=written("reward.py", body(text, **arguments)),
        code=3,
        says=(*FAILED, "reward.py:parity", *says),
        may_write=BEGUN,
        then=(*online(), "--force"),
        mend=good_function,
    )


# Sound for two batches, which makes the first checkpoint, and broken from then on.
LATER = f"""with open("calls", "a") as file:
    file.write(".")
if os.path.getsize("calls") > 2:
    raise ValueError("the service is down")
return {SCORED}"""

REWARD = [
    Case(
        did="name a reward without its file",
        words=online("reward.function=parity"),
        code=2,
        says=("reward.function='parity'", "file.py:name"),
    ),
    Case(
        did="name a reward's file that is not there",
        words=online("reward.function=none.py:parity"),
        code=2,
        says=("none.py is not a file", "relative paths start at"),
    ),
    Case(
        did="name a reward that its file does not hold",
        words=online("reward.function=reward.py:parety"),
        code=2,
        says=("parety is not there in reward.py", "found parity"),
        may_write=("__pycache__*",),
    ),
    Case(
        did="name a reward whose file is no Python",
        words=online(),
        prepare=written("reward.py", "def parity(:\n"),
        code=2,
        says=("importing reward.py failed with SyntaxError",),
        theirs=r"(?<=SyntaxError: ).*",
    ),
    Case(
        did="name a reward whose file ends the program",
        words=online(),
        prepare=written("reward.py", "import sys\n\nsys.exit(1)\n"),
        code=2,
        says=("importing reward.py failed with SystemExit",),
    ),
    function("use a reward that raises", "raise KeyError('answer')", "KeyError: 'answer'"),
    function("use a reward that ends the program", "sys.exit(0)", "SystemExit: 0"),
    function(
        "use a reward that takes other arguments",
        "raise AssertionError\n",
        "TypeError: parity() got an unexpected keyword argument",
        arguments="texts",
    ),
    function("use a reward that returns NaN", "return [float('nan')] * len(responses)", "returned nan for response 0"),
    function("use a reward that returns text", "return ['1'] * len(responses)", "returned '1', expected a number"),
    function("use a reward that returns too few numbers", "return [1.0]", "returned 1 rewards for 12 responses"),
    function("use a reward that returns nothing", "return None", "TypeError", "NoneType"),
    Case(
        did="use a reward that begins to fail in the middle of the run",
        words=online("train.steps=40"),
        prepare=written("reward.py", body(LATER)),
        code=4,
        says=("rewards failed", "the service is down", "reward.max_failed_share=1.0%", "--resume"),
        may_write=(*BEGUN, "calls"),
        then=(*online("train.steps=40"), "--resume"),
        mend=good_function,
    ),
]
