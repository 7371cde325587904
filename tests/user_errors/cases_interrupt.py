"""Ctrl-C, SIGTERM, kill -9 and a second process: a run can always be resumed."""

import signal
import time

from tests.user_errors.case import Case
from tests.user_errors.cases_configuration import written
from tests.user_errors.cases_data import BEGUN
from tests.user_errors.cases_reward import SCORED, body, good_function
from tests.user_errors.world import online

LONG = online("train.steps=5000")
PATIENCE_S = 100
# Two batches are scored; the third call never comes back.
HANGING = f"""with open("calls", "a") as file:
    file.write(".")
if os.path.getsize("calls") > 2:
    time.sleep(1000)
return {SCORED}"""


def until(condition, program):
    """Wait until a condition holds or the program has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and program.is_alive and time.monotonic() < deadline:
        time.sleep(0.01)


def calls(folder, count):
    path = folder / "calls"
    return lambda: path.exists() and path.stat().st_size >= count


def while_training(sent):
    """Return a run that is sent one signal after its first step."""

    def drive(world, folder, case):
        program = world.start(folder, *case.words)
        until((folder / "run" / "metrics.jsonl").exists, program)
        program.send(sent)
        return program.wait()

    return drive


def twice_while_hanging(world, folder, case):
    program = world.start(folder, *case.words)
    until(calls(folder, 3), program)
    program.send(signal.SIGINT)
    until(lambda: "press Ctrl-C again" in program.stderr(), program)
    program.send(signal.SIGINT)
    return program.wait()


def after_a_kill(world, folder, case):
    while_training(signal.SIGKILL)(world, folder, case)
    return world.run(folder, *case.words)


def beside_another(*flags):
    """Return a second process on a run that a first one is in the middle of."""

    def drive(world, folder, case):
        first = world.start(folder, *case.words)
        until(calls(folder, 3), first)
        second = world.run(folder, *case.words, *flags)
        assert first.is_alive
        assert str(first.pid) in second.stderr
        first.send(signal.SIGKILL)
        first.wait()
        return second

    return drive


def shortly(*keys):
    return (*online("train.steps=4", *keys), "--resume")


INTERRUPTS = [
    Case(
        did="press Ctrl-C",
        words=LONG,
        drive=while_training(signal.SIGINT),
        code=130,
        says=("interrupted after step", "go on with run_dir=run --resume"),
        theirs=r"(?<=step )\d+",
        may_write=BEGUN,
        then=(*online("train.steps=1"), "--resume"),
    ),
    Case(
        did="let the cluster send SIGTERM",
        words=LONG,
        drive=while_training(signal.SIGTERM),
        code=130,
        says=("interrupted after step", "go on with run_dir=run --resume"),
        theirs=r"(?<=step )\d+",
        may_write=BEGUN,
        then=(*online("train.steps=1"), "--resume"),
    ),
    Case(
        did="press Ctrl-C twice while the reward hangs",
        words=online("train.steps=4"),
        prepare=written("reward.py", body(HANGING)),
        drive=twice_while_hanging,
        code=130,
        says=("interrupted", "--resume"),
        may_write=(*BEGUN, "calls"),
        then=shortly(),
        mend=good_function,
    ),
    Case(
        did="start a run again that was killed with `kill -9`",
        words=LONG,
        drive=after_a_kill,
        code=2,
        says=("run_dir=run already holds a run", "--resume"),
        may_write=BEGUN,
        then=shortly(),
    ),
    Case(
        did="resume a run that another process is writing",
        words=online("train.steps=4"),
        prepare=written("reward.py", body(HANGING)),
        drive=beside_another("--resume"),
        code=4,
        says=("is being written by process",),
        may_write=(*BEGUN, "calls"),
        then=shortly(),
        mend=good_function,
    ),
    Case(
        did="replace a run that another process is writing",
        words=online("train.steps=4"),
        prepare=written("reward.py", body(HANGING)),
        drive=beside_another("--force"),
        code=4,
        says=("is being written by process",),
        may_write=(*BEGUN, "calls"),
        then=shortly(),
        mend=good_function,
    ),
]
