"""Programs started as a user of a cluster starts them, on this machine: their environment, their Ray, and their end.

Every launch has a Ray head node of its own, with logical GPUs, in a temporary folder of its own. All processes of a
launch carry that folder's name in their environment: by it they are found and ended, orphans and daemons included.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

GPUS, CPUS = 4, 8
RAY_STARTS_WITHIN_S = 60
_MARK = "TWOGRPO_LAUNCH"
_TAIL_LINES = 60

ENVIRONMENT = {
    # Found by Python in every process, vLLM's own included, which are no workers of Ray's.
    "PYTHONPATH": str(Path(__file__).parent / "cpu"),
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "DS_ACCELERATOR": "cpu",
    # Compiled, the first tokens take 47 seconds.
    "TORCHDYNAMO_DISABLE": "1",
    # vLLM's engine computes in its own process, as on a GPU, rather than in one more.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # What vLLM finds out about a model's class is the same in every launch, and dear.
    "VLLM_CACHE_ROOT": str(Path(sys.prefix) / "cache" / "vllm"),
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    # Workers get the environment that the program asks for: one that was there before would be of no use.
    "RAY_prestart_worker_first_driver": "0",
    "RAY_DEDUP_LOGS": "0",
    # A worker that names itself after its actor leaves its environment readable.
    "SPT_NOENV": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "WANDB_MODE": "disabled",
}


@dataclass(frozen=True)
class Outcome:
    """What a program has left: its exit code (negative: the signal that killed it), what it printed, and its time."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def tail(self):
        """The end of what it printed, for the message of a test that fails."""
        ends = ["\n".join(text.splitlines()[-_TAIL_LINES:]) for text in (self.stdout, self.stderr)]
        return f"exit code {self.code} after {self.seconds:.0f} s\n--- stdout\n{ends[0]}\n--- stderr\n{ends[1]}"


class Launch:
    """One running program and, where it needs one, the Ray head node that it runs on.

    Args:
        command: The words of the program.
        with_ray: Whether a head node is started for it; its workers are then the head node's children.
        env: More environment variables, for the program and for every worker.
    """

    def __init__(self, command, *, with_ray, env=None):
        # Directly under /tmp: the names of Ray's sockets hold the folder's and may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="two", dir="/tmp"))
        self._started = time.monotonic()
        self._started_processes = []
        self._environment = {**os.environ, **ENVIRONMENT, **_caches(self.folder), **(env or {})}
        self._environment[_MARK] = self.folder.name
        try:
            self._ray = self._start_ray() if with_ray else None
            self._process = self._start("program", command)
        except BaseException:
            self.end()
            raise

    def wait(self, timeout_s):
        """Return what the program comes to, after having ended everything that it has started."""
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
            code = self._process.poll()
            seconds = time.monotonic() - self._started
            if code is None:
                self._process.kill()
            out, err = (self._log("program", stream).read_text(errors="replace") for stream in ("stdout", "stderr"))
            outcome = Outcome(self._process.wait() if code is None else code, out, err, seconds)
        finally:
            self.end()
        if code is None:
            raise TimeoutError(f"the program did not end within {timeout_s} s\n{outcome.tail}")
        return outcome

    def processes(self):
        """Return every process of the launch: the program, Ray's, its workers and vLLM's engines."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(_MARK) == self.folder.name:
                    found.append(process)
        return found

    def end(self):
        """Kill what is left of the launch, and remove its folder."""
        while processes := self.processes():
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(processes, timeout=5)
        for process in self._started_processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_ray(self):
        counts = [f"--num-gpus={GPUS}", f"--num-cpus={CPUS}", f"--object-store-memory={300 * 2**20}"]
        ports = ["--port=0", f"--ray-client-server-port={free_port()}", f"--dashboard-agent-listen-port={free_port()}"]
        place = [f"--temp-dir={self.folder}", "--include-dashboard=false", "--disable-usage-stats"]
        ray = self._start("ray", ["ray", "start", "--head", "--block", *ports, *place, *counts])
        address = self.folder / "ray_current_cluster"
        deadline = time.monotonic() + RAY_STARTS_WITHIN_S
        while not address.exists() or not address.read_text():
            if ray.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"ray did not start:\n{self._log('ray', 'stderr').read_text()}")
            time.sleep(0.05)
        self._environment["RAY_ADDRESS"] = address.read_text().strip()
        return ray

    def _start(self, name, command):
        with self._log(name, "stdout").open("wb") as out, self._log(name, "stderr").open("wb") as err:
            process = subprocess.Popen(
                [str(word) for word in command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self._started_processes.append(process)
        return process

    def _log(self, name, stream):
        return self.folder / f"{name}.{stream}"


def _caches(folder):
    # A killed build leaves a lock in the folder of extensions, at which the next one would wait for ever.
    return {"HF_DATASETS_CACHE": str(folder / "datasets"), "TORCH_EXTENSIONS_DIR": str(folder / "extensions")}


def free_port():
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
