"""The Ray cluster that a run uses: the one that RAY_ADDRESS names, or one of this machine."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twogrpo.errors import EngineError
from twogrpo.openrlhf.settings import VARIABLE

__all__ = ["check_address", "ray_session"]

ADDRESS = "RAY_ADDRESS"
# OpenRLHF's own defaults; a value in the environment of this process goes first.
_WORKERS = {"TOKENIZERS_PARALLELISM": "true", "NCCL_DEBUG": "WARN", "RAY_ENABLE_ZERO_COPY_TORCH_TENSORS": "1"}
_ANSWERS_WITHIN_S = 10.0


def check_address() -> None:
    """Refuse a RAY_ADDRESS at which nothing listens: Ray would try for minutes and then end this process.

    Raises:
        EngineError: It is no address, or nothing answers there.
    """
    address = os.environ.get(ADDRESS)
    if not address or address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    remedy = "start Ray's head node, or unset it to use this machine"
    if not host or not port.isdecimal():
        raise EngineError(f"{ADDRESS}={address} is no address, expected HOST:PORT; {remedy}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERS_WITHIN_S).close()
    except (OSError, OverflowError) as error:
        raise EngineError(f"{ADDRESS}={address}: no Ray cluster answers there ({error}); {remedy}") from error


@contextmanager
def ray_session(settings: str, *, gpus: int, say: Callable[[str], None]) -> Iterator[None]:
    """Connect to Ray, every worker with the run's settings in its environment, and disconnect at the end.

    Args:
        settings: What `Settings.to_json` returned.
        gpus: GPUs that the run takes.
        say: Told when the cluster has fewer: Ray waits for more of them.

    Raises:
        EngineError: The cluster cannot be joined.
    """
    import ray

    variables = {name: os.environ.get(name, value) for name, value in _WORKERS.items()}
    # What `ray job submit` was given for the workers is in this process's environment too: nothing is lost.
    os.environ.setdefault("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")
    try:
        ray.init(
            runtime_env={"env_vars": {**variables, VARIABLE: settings}},
            include_dashboard=False if ADDRESS not in os.environ else None,
        )
    except (SystemExit, ConnectionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EngineError(
            f"the Ray cluster cannot be joined ({reason}); openrlhf.log in the run folder has more"
        ) from error
    try:
        there = int(ray.cluster_resources().get("GPU", 0))
        if there < gpus:
            say(f"the run takes {gpus} GPUs and the Ray cluster has {there}; it waits for the others")
        yield
    finally:
        ray.shutdown()
