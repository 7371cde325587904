r"""The verifier inside other people's threads and forked processes, each in a program of its own."""

import os
import signal
import subprocess
import sys
import time

import pytest

PREPARED = r'''
import multiprocessing, os, signal, sys, threading, time
from pathlib import Path
from twogrpo.verifier import verify, verify_batch

def right(rows):
    responses = [rf"\boxed{{{row}}}" for row in range(rows)]
    return int(verify_batch(responses, [str(row) for row in range(rows)])["correct"].sum())

def threads():
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return sum(name.startswith("twogrpo-") for name in names)

def settled_threads():
    """A thread takes its name when it first runs, which may be after the batch."""
    time.sleep(1)
    return threads()
'''
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted in /proc")  # noqa: PTH112


def run(code, timeout_s=120, **environment):
    """Run a program; it fails where it hangs."""
    command = [sys.executable, "-W", "ignore", "-c", PREPARED + code]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_fork
def test_a_pool_of_forked_processes_after_use():
    """As `datasets.map` does it; the children verify batches small and large."""
    code = """
assert right(5000) == 5000
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map_async(right, [10, 1000, 20_000, 5000]).get(60))
print(right(5000))
"""
    assert run(code) == "[10, 1000, 20000, 5000]\n5000"


@needs_fork
def test_a_fork_in_the_middle_of_other_threads_work():
    code = """
is_over = threading.Event()
def keep_verifying():
    while not is_over.is_set():
        right(2000)
workers = [threading.Thread(target=keep_verifying) for _ in range(3)]
for worker in workers:
    worker.start()
context = multiprocessing.get_context("fork")
for _ in range(5):
    # A single answer: what the child may call is the core, as locks of the parent's other threads stay held in it.
    child = context.Process(target=lambda: sys.exit(not verify(r"\\boxed{1}", "1").correct))
    child.start()
    child.join(30)
    assert child.exitcode == 0, child.exitcode
is_over.set()
for worker in workers:
    worker.join()
"""
    run(code)


@needs_fork
def test_children_of_children():
    code = """
def child(depth):
    assert right(500) == 500
    if depth:
        grandchild = multiprocessing.get_context("fork").Process(target=child, args=(depth - 1,))
        grandchild.start()
        grandchild.join(30)
        sys.exit(grandchild.exitcode)
child(0)
process = multiprocessing.get_context("fork").Process(target=child, args=(2,))
process.start()
process.join(60)
sys.exit(process.exitcode)
"""
    run(code)


@needs_fork
@pytest.mark.slow
def test_workers_of_torch_s_loader():
    code = """
from torch.utils.data import DataLoader
assert right(1000) == 1000
loader = DataLoader([100, 200, 300], batch_size=None, num_workers=2, collate_fn=right, multiprocessing_context="fork")
print(sorted(loader))
"""
    assert run(code) == "[100, 200, 300]"


@needs_proc
@pytest.mark.parametrize("count", [1, 3])
def test_there_are_as_many_threads_as_asked_for(count):
    assert run("right(1000); print(settled_threads())", TWOGRPO_NUM_THREADS=str(count)) == str(count)


@needs_proc
def test_by_default_there_are_as_many_threads_as_cores_and_at_most_eight():
    code = "right(1000); print(settled_threads() == min(8, len(os.sched_getaffinity(0))))"
    assert run(f"os.environ.pop('TWOGRPO_NUM_THREADS', None); {code}") == "True"


@needs_proc
def test_a_small_batch_starts_no_thread():
    assert run("right(63); print(settled_threads())") == "0"


@needs_proc
def test_a_child_starts_threads_of_its_own_only_when_it_needs_them():
    code = """
right(1000)
child = os.fork()
if child == 0:
    before = threads()
    right(1000)
    os._exit(0 if (before, settled_threads()) == (0, 2) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    run(code, TWOGRPO_NUM_THREADS="2")


def test_ctrl_c_ends_a_long_batch():
    code = r"""
import polars as pl
responses = pl.Series([r"\boxed{x^2-1}"]).new_from_index(0, 3_000_000)
golds = pl.Series(["(x+1)(x-1)"]).new_from_index(0, 3_000_000)
print("begun", flush=True)
verify_batch(responses, golds)
print("ended")
"""
    command = [sys.executable, "-c", PREPARED + code]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert stdout == ""
    assert stderr.rstrip().endswith("KeyboardInterrupt")


def test_threads_that_verify_single_answers_agree():
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(16) as pool:
    found = list(pool.map(lambda row: verify(rf"\\boxed{{{row}}}", str(row % 2)).correct, range(2000)))
print(sum(found))
"""
    assert run(code) == "2"
