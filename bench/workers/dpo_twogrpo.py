"""Our side of `bench/dpo.py`: the public engine on the stored rollouts."""

import json
from tempfile import TemporaryDirectory

# Loaded before the clock starts, as all of the peer's libraries are.
import polars as pl  # noqa: F401

from epochs import options, report_epoch
from twogrpo import DpoConfig, OnlineConfig, train_dpo
from twogrpo.monitor import Console


def main() -> None:
    """Train one epoch."""
    given = options()
    source = given.folder / "online"
    online = OnlineConfig.load(source / "config.resolved.yaml")
    with TemporaryDirectory() as folder:
        keys = {
            "dpo.beta": given.beta,
            "train.learning_rate": given.learning_rate,
            "train.max_grad_norm": given.max_grad_norm,
            "train.warmup_steps": 0,
            "train.schedule": "constant",
            "train.rollouts_per_update": 2 * given.pairs,
            "train.epochs": 1,
            "train.threads": 1,
            "eval.data": "null",
            "model.path": online.model.path,
            "run_dir": f"{folder}/run",
        }
        config = DpoConfig.load(None, [f"{name}={value}" for name, value in keys.items()])

        def train() -> list[float]:
            result = train_dpo(config, source / "rollouts", console=Console(is_quiet=True))
            lines = (result.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            return [row["loss"] for row in map(json.loads, lines) if row["kind"] == "train"]

        report_epoch(train)


if __name__ == "__main__":
    main()
