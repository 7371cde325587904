"""The harness keeps what it promises to the tests: patches that are in their place, and launches that leave nothing."""

import subprocess
import sys

import psutil
import pytest

from tests.openrlhf.harness import ENVIRONMENT, Launch

# Leaves its session and its parent, as a daemon does.
DAEMON = """
import subprocess, sys, time
subprocess.Popen(["sleep", "600.25"], start_new_session=True)
print("started", flush=True)
time.sleep(600)
"""


def test_every_patch_finds_what_it_replaces():
    program = "import importlib, sitecustomize; [importlib.import_module(name) for name in sitecustomize.PATCHES]"
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def ended():
    """A launch on Ray that was ended as it took too long, its processes before, and the error."""
    launch = Launch([sys.executable, "-c", DAEMON], with_ray=True)
    names = {process.name() for process in launch.processes()}
    with pytest.raises(TimeoutError) as caught:
        launch.wait(timeout_s=2)
    return launch, names, str(caught.value)


def test_the_processes_of_a_launch_are_the_programs_and_rays(ended):
    assert {"raylet", "gcs_server"} < ended[1]


def test_a_launch_that_takes_too_long_shows_what_it_printed(ended):
    assert "did not end within 2 s" in ended[2]
    assert "started" in ended[2]


def test_nothing_of_a_launch_is_left(ended):
    assert not ended[0].folder.exists()
    assert not ended[0].processes()
    assert not [
        process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "600.25"]
    ]
