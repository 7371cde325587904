"""Our side of `bench/gpu.py`: the public engine in bfloat16, one step a turn."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import torch

from turns import Turns
from twogrpo import OnlineConfig, train_online
from twogrpo.monitor import Console


class TurnsConsole(Console):
    """Hands each finished step to the bench."""

    def __init__(self, turns: Turns, metrics: Path) -> None:
        super().__init__(is_quiet=True)
        self._turns, self._metrics = turns, metrics

    def step(self, step: int, total: int, figures: Mapping[str, str], title: str) -> None:  # noqa: ARG002
        """End the turn with what the run has just written about the step."""
        newest = json.loads(self._metrics.read_text(encoding="utf-8").splitlines()[-1])
        on_device = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0
        self._turns.end(
            tokens=newest["generated_tokens"],
            generate_s=newest["generate_s"],
            train_s=newest["train_s"],
            device_memory_mb=on_device,
        )


def main() -> None:
    """Train for so many steps; the command line holds the keys of the configuration."""
    config = OnlineConfig.load(None, sys.argv[1:])
    turns = Turns(config.train.steps or 0)
    turns.begin()
    train_online(config, console=TurnsConsole(turns, Path(config.run_dir or "") / "metrics.jsonl"))


if __name__ == "__main__":
    main()
