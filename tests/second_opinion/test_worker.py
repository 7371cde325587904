r"""The program in the processes of a second opinion, by itself, where `math-verify` is installed."""

import contextlib
import json
import signal
import subprocess
import sys

import pytest

from twogrpo.second_opinion import worker

MEMORY_BYTES = 4 << 30
HANGING = r"\boxed{9999999999^{9999999999}}"

pytest.importorskip("math_verify", reason="a second opinion needs `pip install math-verify`")


@pytest.fixture
def start():
    started = []

    def process(cpu_s=60):
        command = [sys.executable, "-P", worker.__file__, str(MEMORY_BYTES), str(cpu_s)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "ready\n"
        return started[-1]

    yield process
    for each in started:
        each.kill()
        each.wait()
        each.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            each.stdin.close()


def asked(process, answer, *golds):
    process.stdin.write(json.dumps([answer, golds]) + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_what_it_answers(start):
    process = start()
    assert asked(process, r"\boxed{\frac12}", r"\boxed{0.5}") == "match"
    assert asked(process, r"\boxed{\frac12}", r"\boxed{2}", r"\boxed{1/2}") == "match"
    assert asked(process, r"\boxed{3}", r"\boxed{2}") == "mismatch"
    assert asked(process, r"\boxed{3}", "") == "unparsable_gold"
    assert asked(process, r"\boxed{3}") == "unparsable_gold"


def test_it_ends_when_nobody_asks_any_more(start):
    process = start()
    process.stdin.close()
    assert process.wait(30) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="the system bounds no CPU time")
def test_without_its_parent_it_does_not_calculate_for_ever(start):
    process = start(cpu_s=0.5)
    assert asked(process, HANGING, r"\boxed{9}") == ""
    assert process.wait(30) == -signal.SIGXCPU
