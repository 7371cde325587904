"""Our side of `bench/learning.py`: the warm start, where it is not there yet, and a whole online run from it."""

import json
from pathlib import Path

from step_twogrpo import read_config
from twogrpo import train_online
from twogrpo.monitor import Console
from twogrpo.tiny import materialise

FIGURES = ("reward", "tied_share", "grad_norm", "learning_rate", "response_tokens_mean")


def main() -> None:
    """Train, and print where the model is, what it took and the figures of each step."""
    config = read_config()
    materialise(Path(config.model.path).parent, config.seed)
    # What a run that was cut off has left is replaced.
    result = train_online(config, force=True, console=Console(is_quiet=True))
    lines = (result.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [row for row in map(json.loads, lines) if row["kind"] == "train"]
    report = {
        "model": str(result.checkpoint),
        "rollouts": result.summary["rollouts"],
        "cpu_s": result.summary["seconds"]["cpu"],
        "steps": {name: [step[name] for step in steps] for name in FIGURES},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
