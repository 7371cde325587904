"""DPO on the same stored pairs beside TRL's DPOTrainer: one epoch, the reference's logprobs included.

Both sides start from the model that sampled the rollouts, with the same pairs in batches of 64, the same loss and
schedule, on one thread. A measurement is a process of its own, from loaded libraries to the last step: reading the
pairs, the reference, training. Nothing is evaluated or, on TRL's side, saved. Ours reads token ids from the store; TRL
is given the texts, exported beforehand, and tokenises them.

    python bench/dpo.py [--quick] [--json] [--peer-python PYTHON]
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import REPOSITORY, Row, add_options, compare, interleave, publish
from twogrpo import OnlineConfig, PairSpec, RolloutStore, build_pairs, train_online
from twogrpo.monitor import Console
from twogrpo.preferences import Asked, scan_preferences
from twogrpo.tiny import materialise

WORKERS = Path(__file__).resolve().parent / "workers"
TRL = "1.16.0"
PEER = f"TRL {TRL} DPOTrainer"
SETTINGS = {"beta": 0.5, "learning-rate": 2e-4, "warm-up": 10, "pairs": 64}
CPU_RATIO = 2.0


def main() -> None:
    """Measure, print and keep."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--peer-python", default=sys.executable, help=f"interpreter of an environment with trl=={TRL}")
    parser.add_argument("--tiny", type=Path, default=REPOSITORY / "runs" / "bench" / "tiny", help="model made once")
    options = parser.parse_args()
    steps, repeats = (4, 1) if options.quick else (40, 5)
    with TemporaryDirectory(prefix="bench-dpo-") as name:
        folder = Path(name)
        pairs = _make_pairs(folder, options.tiny, steps)
        sides = {"ours": _side(folder, "ours", sys.executable), "peer": _side(folder, "trl", options.peer_python)}
        found = interleave(sides, repeats)
    details = {"pairs": pairs, "settings": SETTINGS, **found}
    publish("dpo", _rows(found["ours"], found["peer"], pairs), options, details=details)


def _make_pairs(folder: Path, tiny_folder: Path, steps: int) -> int:
    """Store the rollouts of some online steps, export their pairs as text, and return how many there are."""
    tiny = materialise(tiny_folder, 0)
    keys = [f"model.path={tiny.model}", f"data.path={tiny.train}", "eval.data=null", f"train.steps={steps}"]
    config = OnlineConfig.load(REPOSITORY / "configs" / "tiny.yaml", [*keys, f"run_dir={folder / 'online'}"])
    train_online(config, console=Console(is_quiet=True))
    store = RolloutStore.open(folder / "online")
    pairs = build_pairs(store, PairSpec())
    scan_preferences(store, pairs, Asked(template="chat")).sink_parquet(folder / "pairs.parquet")
    return len(pairs)


def _side(folder: Path, side: str, python: str) -> Any:  # noqa: ANN401  # a function without arguments
    import twogrpo

    package = str(Path(twogrpo.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": package, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    flags = [text for name, value in SETTINGS.items() for text in (f"--{name}", str(value))]
    command = [python, str(WORKERS / f"dpo_{'twogrpo' if side == 'ours' else side}.py"), str(folder), *flags]

    def run() -> dict[str, float]:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode:
            sys.exit(f"{command[1]} failed:\n{done.stderr[-2000:]}")
        report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return report

    return run


def _rows(ours: list[dict[str, float]], peer: list[dict[str, float]], pairs: int) -> list[Row]:
    def row(what: str, unit: str, key: str, goal: float | None) -> Row:
        return compare(what, unit, [r[key] for r in ours], [r[key] for r in peer], peer_name=PEER, goal=goal)

    return [
        row(f"CPU time of one epoch over {pairs:,} pairs", "s", "cpu_s", CPU_RATIO),
        row("wall time of the same", "s", "wall_s", CPU_RATIO),
        row("peak memory of the process", "MB", "peak_memory_mb", 1.0),
        compare("loss of the last ten steps", "", [r["loss"] for r in ours]),
        compare("loss of the last ten steps, TRL", "", [r["loss"] for r in peer]),
    ]


if __name__ == "__main__":
    main()
