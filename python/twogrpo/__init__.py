"""Post-train language models with two rollouts a prompt: 2-GRPO and DPO over one Parquet rollout store.

What is public is what stands in `__all__`. Importing this package imports none of torch, transformers and polars:
each name is loaded where it is first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twogrpo._core import __version__
    from twogrpo.config import DpoConfig, OnlineConfig
    from twogrpo.errors import (
        ConfigError,
        DataError,
        EngineError,
        StoreError,
        TrainingError,
        TwoGrpoError,
        VerifyError,
    )
    from twogrpo.pairs import BatchPlan, PairSpec, build_pairs, plan_batches
    from twogrpo.rollouts.tables import rollout_table
    from twogrpo.store import RolloutStore
    from twogrpo.train import train_dpo, train_online
    from twogrpo.verifier import Verdict, verify, verify_batch

__all__ = [
    "BatchPlan",
    "ConfigError",
    "DataError",
    "DpoConfig",
    "EngineError",
    "OnlineConfig",
    "PairSpec",
    "RolloutStore",
    "StoreError",
    "TrainingError",
    "TwoGrpoError",
    "Verdict",
    "VerifyError",
    "__version__",
    "build_pairs",
    "plan_batches",
    "rollout_table",
    "train_dpo",
    "train_online",
    "verify",
    "verify_batch",
]

_ROOMS = {
    "twogrpo._core": ("__version__",),
    "twogrpo.config": ("DpoConfig", "OnlineConfig"),
    "twogrpo.errors": tuple(name for name in __all__ if name.endswith("Error")),
    "twogrpo.pairs": ("BatchPlan", "PairSpec", "build_pairs", "plan_batches"),
    "twogrpo.rollouts.tables": ("rollout_table",),
    "twogrpo.store": ("RolloutStore",),
    "twogrpo.train": ("train_dpo", "train_online"),
    "twogrpo.verifier": ("Verdict", "verify", "verify_batch"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        msg = f"module 'twogrpo' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
