"""Our side of `bench/step.py`: the public engine, one step a turn."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from turns import Turns
from twogrpo import OnlineConfig, train_online
from twogrpo.monitor import Console

FIGURES = ("reward", "tied_share", "generate_s", "verify_s", "train_s")


class TurnsConsole(Console):
    """Hears of each finished step as the console does, and hands it to the bench."""

    def __init__(self, turns: Turns, metrics: Path) -> None:
        super().__init__(is_quiet=True)
        self._turns = turns
        self._metrics = metrics

    def step(self, step: int, total: int, figures: Mapping[str, str], title: str) -> None:  # noqa: ARG002
        """End the turn with what the run has just written about the step."""
        newest = json.loads(self._metrics.read_text(encoding="utf-8").splitlines()[-1])
        shown = {name: newest[name] for name in FIGURES}
        self._turns.end(response_tokens=newest["response_tokens_mean"], **shown)


def read_config() -> OnlineConfig:
    """Return the configuration that the command line names, with its overrides."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_args()
    return OnlineConfig.load(options.config, options.overrides)


def main() -> None:
    """Train for so many steps, one a turn."""
    config = read_config()
    turns = Turns(config.train.steps)
    turns.begin()
    train_online(config, console=TurnsConsole(turns, Path(config.run_dir) / "metrics.jsonl"))


if __name__ == "__main__":
    main()
