"""Processes that answer, hang, die or never start; the program in them is a few lines, the processes are real."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from twogrpo.errors import EngineError
from twogrpo.second_opinion.processes import Failure, Processes

PROGRAM = """
import os, sys, time
print("ready", flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == "hang":
        # Holds the GIL for minutes, so that no signal and no thread could end it.
        pow(7, 7 ** 11)
    if word == "die":
        os._exit(3)
    print(os.getpid() if word == "id" else word.upper(), flush=True)
"""
COMMAND = [sys.executable, "-c", PROGRAM]
LONG_S = 60.0


@pytest.fixture
def make():
    made = []

    def processes(command=COMMAND, count=2, timeout_s=LONG_S):
        made.append(Processes(command, count=count, timeout_s=timeout_s))
        return made[-1]

    yield processes
    for each in made:
        each.close()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_answers_stand_in_the_order_of_the_requests(make):
    words = [f"word{number}" for number in range(50)]
    assert make().ask(words, total_s=LONG_S) == [word.upper() for word in words]


def test_no_requests_start_nothing(make):
    assert make([sys.executable, "-c", "raise SystemExit"]).ask([], total_s=LONG_S) == []


def test_processes_are_kept_between_calls(make):
    processes = make(count=1)
    assert processes.ask(["id"], total_s=LONG_S) == processes.ask(["id"], total_s=LONG_S)


def test_what_hangs_is_killed_and_the_next_is_answered(make):
    processes = make(count=1, timeout_s=1.0)
    assert processes.ask(["a", "hang", "b", "hang", "c"], total_s=LONG_S) == [
        "A",
        Failure.TIMEOUT,
        "B",
        Failure.TIMEOUT,
        "C",
    ]


def test_what_dies_is_started_again(make):
    assert make(count=1).ask(["a", "die", "b"], total_s=LONG_S) == ["A", Failure.DIED, "B"]


def test_what_was_killed_between_calls_is_started_again(make):
    processes = make(count=1)
    (pid,) = processes.ask(["id"], total_s=LONG_S)
    os.kill(int(pid), signal.SIGKILL)
    assert processes.ask(["a", "b"], total_s=LONG_S) == [Failure.DIED, "B"]


def test_when_the_time_is_over_nothing_more_is_asked(make):
    answers = make(count=1, timeout_s=1.0).ask(["hang", "a", "b"], total_s=0.5)
    assert answers == [Failure.TIMEOUT, Failure.NOT_ASKED, Failure.NOT_ASKED]


def test_a_program_that_does_not_start_is_an_error(make):
    with pytest.raises(EngineError, match=r"does not start: .*SystemExit"):
        make([sys.executable, "-c", "raise SystemExit"]).ask(["a"], total_s=LONG_S)


def test_closing_ends_the_processes_and_they_start_again(make):
    processes = make(count=1)
    (pid,) = processes.ask(["id"], total_s=LONG_S)
    processes.close()
    assert not is_alive(int(pid))
    assert processes.ask(["a"], total_s=LONG_S) == ["A"]


def test_what_is_not_closed_ends_with_its_owner(make):  # noqa: ARG001  # it would close what is to be forgotten
    processes = Processes(COMMAND, count=1, timeout_s=LONG_S)
    (pid,) = processes.ask(["id"], total_s=LONG_S)
    del processes
    gc.collect()
    assert not is_alive(int(pid))


def test_threads_may_share_it(make):
    processes = make()
    found = {}
    threads = [
        threading.Thread(target=lambda word=word: found.update({word: processes.ask([word] * 5, total_s=LONG_S)}))
        for word in "abcdef"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {word: [word.upper()] * 5 for word in "abcdef"}


def test_ctrl_c_ends_it_at_once_and_leaves_no_process(tmp_path):
    script = f"""
from pathlib import Path
from twogrpo.second_opinion.processes import Processes
processes = Processes({COMMAND!r}, count=2, timeout_s=600)
pids = processes.ask(["id"] * 8, total_s=600)
Path("pids").write_text(" ".join(sorted(set(pids))))
processes.ask(["hang"] * 4, total_s=600)
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    pids = tmp_path / "pids"
    while not pids.exists() or not pids.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    # It is on its way into the second call; whenever it comes, the signal ends it.
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in stderr
    assert not any(is_alive(int(pid)) for pid in pids.read_text().split())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_has_processes_of_its_own():
    script = f"""
import os, sys
from twogrpo.second_opinion.processes import Processes
processes = Processes({COMMAND!r}, count=1, timeout_s=60)
(own,) = processes.ask(["id"], total_s=60)
child = os.fork()
if child == 0:
    (other,) = processes.ask(["id"], total_s=60)
    processes.close()
    os._exit(other == own)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code or processes.ask(["id"], total_s=60) != [own])
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=120, check=False)
    assert done.returncode == 0
