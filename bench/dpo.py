"""DPO on the same stored pairs beside TRL's DPOTrainer: one epoch, the reference's logprobs included.

Both sides start from the model that sampled the rollouts and make the same optimizer steps on one thread: batches of 64
pairs in our order, the same token ids, loss, gradient clip, Adam and constant rate. That the work is the same is
measured as well: the losses of every step are compared. A measurement is a process of its own, from loaded libraries to
the last step: reading the pairs, the reference, training. Nothing is evaluated or, on TRL's side, saved. Ours reads
token ids from the store; TRL is given the texts, exported beforehand, and tokenises them.

What keeps the sides equal: TRL is timed with its own tokenising of the texts, and then trains on the stored ids. Its
own are others: the chat template puts a line break behind each end token, which nobody sampled, and text does not carry
every response (broken characters, special tokens, words sampled letter by letter), rare ones, whose gradients are the
largest. TRL's warm-up would begin with a step of rate 0, ours does not: there is none. TRL clips gradients by default,
so ours is told to.

    python bench/dpo.py [--quick] [--json] [--peer-python PYTHON]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness import REPOSITORY, Row, add_options, compare, interleave, publish
from twogrpo import DpoConfig, OnlineConfig, PairSpec, RolloutStore, build_pairs, train_online
from twogrpo.monitor import Console
from twogrpo.preferences import Asked, scan_preferences
from twogrpo.tiny import materialise
from twogrpo.train.dpo import plan_epoch
from twogrpo.train.pair_data import load_pair_data
from twogrpo.train.pair_text import PairText

if TYPE_CHECKING:
    import polars as pl

WORKERS = Path(__file__).resolve().parent / "workers"
TRL = "1.16.0"
Report = dict[str, Any]
PEER = f"TRL {TRL} DPOTrainer"
SETTINGS = {"beta": 0.5, "learning-rate": 2e-4, "max-grad-norm": 1.0, "pairs": 64}
CPU_RATIO = 2.0
LAST_STEPS = 10
# float32 in another order of summation, through all of an epoch's steps.
LOSS_DIFFERENCE = 1e-4


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
    """Store the rollouts of some online steps, export their pairs, and return how many there are."""
    tiny = materialise(tiny_folder, 0)
    keys = [f"model.path={tiny.model}", f"data.path={tiny.train}", "eval.data=null", f"train.steps={steps}"]
    config = OnlineConfig.load(REPOSITORY / "configs" / "tiny.yaml", [*keys, f"run_dir={folder / 'online'}"])
    train_online(config, console=Console(is_quiet=True))
    store = RolloutStore.open(folder / "online")
    pairs = _in_our_order(store, config.model.path)
    exported = scan_preferences(store, pairs, Asked(template="chat"), with_ids=True).collect()
    ids = ["chosen_rollout_id", "rejected_rollout_id"]
    pairs.select(ids).join(exported, on=ids, maintain_order="left").write_parquet(folder / "pairs.parquet")
    return len(pairs)


def _in_our_order(store: RolloutStore, model: str) -> "pl.DataFrame":
    """Return the pairs in the order of our first epoch, which the peer reads without shuffling."""
    pairs = build_pairs(store, PairSpec())
    config = DpoConfig.load(None, [f"model.path={model}", f"train.rollouts_per_update={2 * SETTINGS['pairs']}"])
    plan = plan_epoch(load_pair_data(store, pairs, PairText.of(config)), config, epoch=0)
    return pairs[[row for step in range(plan.steps) for rows in plan.micro_batches(step) for row in rows]]


def _side(folder: Path, side: str, python: str) -> Any:  # noqa: ANN401  # a function without arguments
    import twogrpo

    package = str(Path(twogrpo.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": package, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    flags = [text for name, value in SETTINGS.items() for text in (f"--{name}", str(value))]
    command = [python, str(WORKERS / f"dpo_{'twogrpo' if side == 'ours' else side}.py"), str(folder), *flags]

    def run() -> Report:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode:
            sys.exit(f"{command[1]} failed:\n{done.stderr[-2000:]}")
        report: Report = json.loads(done.stdout.splitlines()[-1])
        return report

    return run


def _rows(ours: list[Report], peer: list[Report], pairs: int) -> list[Row]:
    def row(what: str, unit: str, key: str, goal: float | None) -> Row:
        return compare(what, unit, [r[key] for r in ours], [r[key] for r in peer], peer_name=PEER, goal=goal)

    differences = [
        max(abs(mine - theirs) for mine, theirs in zip(one["losses"], other["losses"], strict=True))
        for one, other in zip(ours, peer, strict=True)
    ]
    return [
        row(f"CPU time of one epoch over {pairs:,} pairs", "s", "cpu_s", CPU_RATIO),
        row("wall time of the same", "s", "wall_s", CPU_RATIO),
        row("peak memory of the process", "MB", "peak_memory_mb", 1.0),
        compare("loss of the last ten steps", "", [_last(r) for r in ours], [_last(r) for r in peer], peer_name=PEER),
        compare("largest difference of a step's losses", "", differences, goal=LOSS_DIFFERENCE),
    ]


def _last(report: Report) -> float:
    return statistics.fmean(report["losses"][-LAST_STEPS:])


if __name__ == "__main__":
    main()
