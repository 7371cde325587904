"""The Ray cluster that a run uses: the one that RAY_ADDRESS names, or one of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from twogrpo.openrlhf.settings import VARIABLE

__all__ = ["ray_session"]

# OpenRLHF's own defaults; a value in the environment of this process goes first.
_WORKERS = {"TOKENIZERS_PARALLELISM": "true", "NCCL_DEBUG": "WARN", "RAY_ENABLE_ZERO_COPY_TORCH_TENSORS": "1"}


@contextmanager
def ray_session(settings: str) -> Iterator[None]:
    """Connect to Ray, every worker with the run's settings in its environment, and disconnect at the end.

    Args:
        settings: What `Settings.to_json` returned.
    """
    import ray

    variables = {name: os.environ.get(name, value) for name, value in _WORKERS.items()}
    ray.init(
        runtime_env={"env_vars": {**variables, VARIABLE: settings}},
        include_dashboard=False if "RAY_ADDRESS" not in os.environ else None,
    )
    try:
        yield
    finally:
        ray.shutdown()
