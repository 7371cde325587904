"""The processes of a dpo run: who starts them, what they say to each other, and how they end."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.openrlhf_flags.configs import dpo
from twogrpo.errors import ConfigError, EngineError, TrainingError
from twogrpo.openrlhf.dpo_job import DpoJob
from twogrpo.openrlhf.dpo_launch import check_gpus, find_peers, run_ranks

# In the place of a rank, which needs OpenRLHF: it has the same line to the process that started it.
RANK = """
import os, sys, time
from twogrpo.openrlhf import dpo_worker
def train_rank(job, *, is_stop_requested):
    print("rank", os.environ["RANK"], flush=True)
    {body}
dpo_worker.train_rank = train_rank
dpo_worker.main()
"""


@pytest.fixture
def job(tmp_path):
    return DpoJob(tmp_path, ("--train.seed", "1"), steps=3, first_step=1, keep=2)


@pytest.fixture
def ranks(tmp_path, monkeypatch):
    """Replace what a rank does: a function that takes its body."""
    package = tmp_path / "ranks"
    package.mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{package}:{os.environ.get('PYTHONPATH', '')}")
    popen = subprocess.Popen

    def replace(body):
        (package / "rank.py").write_text(RANK.format(body=body))

        def start(command, **settings):
            return popen(["rank" if word == "twogrpo.openrlhf.dpo_worker" else word for word in command], **settings)

        monkeypatch.setattr(subprocess, "Popen", start)

    return replace


def run(job, *, is_stop_requested=lambda: False):
    run_ranks(job, 2, is_stop_requested=is_stop_requested)


def test_a_job_is_read_as_it_was_written(job):
    assert DpoJob.of_json(job.to_json()) == job


@pytest.mark.slow
def test_what_the_ranks_print_goes_to_the_log(job, ranks):
    ranks("pass")
    run(job)
    log = job.files.log.read_text()
    assert "rank 0" in log
    assert "rank 1" in log


@pytest.mark.slow
def test_a_rank_that_fails_is_named_with_its_reason_and_the_log(job, ranks):
    ranks("""
    if os.environ["RANK"] == "1":
        raise ValueError("no such\\nlayer")
    time.sleep(60)""")
    with pytest.raises(TrainingError) as caught:
        run(job)
    assert str(caught.value).startswith("rank 1: ValueError: no such layer; the log is ")
    assert str(job.files.log) in str(caught.value)


@pytest.mark.slow
def test_a_request_to_stop_reaches_a_rank(job, ranks, monkeypatch):
    # One rank of them hears it; in a real run it tells the others.
    ranks("""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not is_stop_requested():
        if os.path.exists("told"):
            return
        time.sleep(0.05)
    open("told", "w").close()""")
    monkeypatch.chdir(job.run)
    run(job, is_stop_requested=lambda: True)
    assert (job.run / "told").exists()


@pytest.mark.slow
def test_ranks_end_with_the_process_that_started_them(job, ranks, tmp_path):
    ranks("time.sleep(600)")
    program = f"""
import subprocess, sys
from pathlib import Path
from twogrpo.openrlhf.dpo_job import DpoJob
from twogrpo.openrlhf import dpo_launch
start = subprocess.Popen
subprocess.Popen = lambda command, **settings: start(["rank" if "dpo_worker" in w else w for w in command], **settings)
job = DpoJob.of_json({job.to_json()!r})
dpo_launch.run_ranks(job, 2, is_stop_requested=lambda: False)
"""
    launcher = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    wait_until(lambda: job.files.log.exists() and job.files.log.read_text().count("rank ") == 2)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    wait_until(lambda: "the process that started this rank is gone" in job.files.log.read_text())


def wait_until(is_true, seconds=60):
    done = threading.Event()
    for _ in range(seconds * 20):
        if is_true():
            return
        done.wait(0.05)
    raise AssertionError("it did not happen")


def test_several_machines_need_a_launcher(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ConfigError, match=r"openrlhf\.nodes=2 needs one process a GPU on every machine; start"):
        find_peers(dpo("openrlhf.nodes=2"))


def test_a_launcher_with_other_numbers_is_refused(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match=r"nodes=2 x openrlhf\.gpus_per_node=2 is 4, .* WORLD_SIZE=3 processes"):
        find_peers(dpo("openrlhf.nodes=2", "openrlhf.gpus_per_node=2"))


def test_ranks_that_cannot_meet_say_what_is_missing(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(ConfigError, match=r"the ranks cannot meet: .*MASTER_ADDR"):
        find_peers(dpo())


def test_too_few_gpus_are_counted(monkeypatch):
    monkeypatch.delenv("DS_ACCELERATOR", raising=False)
    with pytest.raises(EngineError, match=r"gpus_per_node=9999, but torch sees \d+ GPUs here"):
        check_gpus(9999)


OTHER_RANK = """
from twogrpo.errors import TrainingError
from twogrpo.openrlhf.dpo_launch import find_peers
from tests.openrlhf_flags.configs import dpo
peers = find_peers(dpo("openrlhf.gpus_per_node=2"))
try:
    print(peers.receive().to_json())
except TrainingError as error:
    print(error)
"""


@pytest.fixture
def met(monkeypatch):
    """Rank 0 of two, and the process of rank 1."""
    from tests.openrlhf.harness import free_port

    variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    for name, value in {**variables, "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", OTHER_RANK]
    with subprocess.Popen(command, env={**os.environ, "RANK": "1"}, stdout=subprocess.PIPE, text=True) as other:
        yield find_peers(dpo("openrlhf.gpus_per_node=2")), other


def test_the_other_ranks_get_the_job(met, job):
    peers, other = met
    peers.hand_out(job)
    assert DpoJob.of_json(other.communicate(timeout=60)[0]) == job


def test_the_other_ranks_hear_of_a_refusal(met):
    peers, other = met
    peers.refuse(ConfigError("no such folder"))
    assert other.communicate(timeout=60)[0] == "rank 1: rank 0 has refused the run: no such folder\n"
