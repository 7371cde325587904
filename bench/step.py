"""One online step beside TRL's GRPOTrainer: same model, prompts, reward, objective and number of threads.

Both sides train the tiny model, warmed up, each in a process of its own, and take their steps in turns. A step is all
of it: generation, verification, the update, and on our side the rollouts written to the store. Ours leaves tied groups
out of the training pass, which changes no gradient; TRL trains on them.

    python bench/step.py [--quick] [--json] [--peer-python PYTHON]
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import REPOSITORY, Row, Worker, add_options, compare, publish
from twogrpo import OnlineConfig
from twogrpo.prompts import PromptOrder
from twogrpo.tiny import materialise

WORKERS = Path(__file__).resolve().parent / "workers"
CONFIG = REPOSITORY / "configs" / "tiny.yaml"
TRL = "1.16.0"
PEER = f"TRL {TRL} GRPOTrainer"
WARM_UP_STEPS = 3
CPU_RATIO = 4.0
SEED = 0
# TRL's deviation of the group, so that both sides have one objective.
SAME_OBJECTIVE = ("advantage.std=sample", "advantage.eps=1e-4", "eval.data=null", "checkpoint.every_steps=0")


def main() -> None:
    """Measure, print and keep."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--steps", type=int, help="measured steps of each side; 30, or 4 with --quick")
    parser.add_argument("--peer-python", default=sys.executable, help=f"interpreter of an environment with trl=={TRL}")
    parser.add_argument("--tiny", type=Path, default=REPOSITORY / "runs" / "bench" / "tiny", help="model made once")
    options = parser.parse_args()
    require_peer(options.peer_python)
    steps = options.steps or (4 if options.quick else 30)
    ours, peer = _measure(options, WARM_UP_STEPS + steps)
    publish("step", _rows(ours, peer), options, details=_details(ours, peer))


def require_peer(python: str) -> None:
    """End the bench where an interpreter has no TRL of the version that is measured."""
    versions = "import importlib.metadata as m; print(m.version('trl'), m.version('datasets'))"
    try:
        found = subprocess.run([python, "-c", versions], capture_output=True, text=True, check=False)
    except OSError as error:
        sys.exit(f"--peer-python {python} cannot be started: {error.strerror}; name the interpreter of an environment")
    if found.returncode or found.stdout.split()[0] != TRL:
        sys.exit(
            f"{python} has no trl=={TRL} with datasets: pip install '.[bench]', or name another one with --peer-python"
        )


def _measure(options: argparse.Namespace, steps: int) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Return the reports of both sides without the warm-up; their steps alternate, and who goes first does too."""
    with TemporaryDirectory(prefix="bench-step-") as name, ExitStack() as stack:
        folder = Path(name)
        commands = _commands(options, folder, steps)
        workers = {
            side: stack.enter_context(Worker(command, folder / f"{side}.log", environment()))
            for side, command in commands.items()
        }
        reports: dict[str, list[dict[str, float]]] = {side: [] for side in workers}
        for step in range(steps):
            for side in list(workers)[:: -1 if step % 2 else 1]:
                reports[side].append(workers[side].step())
    return reports["ours"][WARM_UP_STEPS:], reports["peer"][WARM_UP_STEPS:]


def _commands(options: argparse.Namespace, folder: Path, steps: int) -> dict[str, list[str]]:
    tiny = materialise(options.tiny, SEED)
    overrides = [*SAME_OBJECTIVE, f"seed={SEED}", f"model.path={tiny.model}", f"data.path={tiny.train}"]
    overrides += [f"train.steps={steps}", f"run_dir={folder / 'ours'}"]
    config = OnlineConfig.load(CONFIG, overrides)
    ours = [sys.executable, str(WORKERS / "step_twogrpo.py"), "--config", str(CONFIG), *overrides]
    peer = [options.peer_python, str(WORKERS / "step_trl.py")]
    return {"ours": ours, "peer": [*peer, *peer_flags(config, folder / "rows.jsonl", folder / "peer")]}


def peer_flags(config: OnlineConfig, rows: Path, run_dir: Path) -> list[str]:
    """Return the flags with which a peer's worker trains as a configuration says, its rows written in our order."""
    rows_in_our_order(config, rows)
    flags: dict[str, Any] = {
        "steps": config.train.steps,
        "run-dir": run_dir,
        "model": config.model.path,
        "rows": rows,
        "prompts": config.rollout.prompts_per_step,
        "group-size": config.rollout.group_size,
        "max-new-tokens": config.rollout.max_new_tokens,
        "learning-rate": config.train.learning_rate,
        "warmup-steps": config.train.warmup_steps,
        "seed": config.seed,
        "threads": config.train.threads,
    }
    return [text for name, value in flags.items() for text in (f"--{name}", str(value))]


def rows_in_our_order(config: OnlineConfig, target: Path) -> None:
    """Write the rows that our side will draw, in its order: the peer reads them without shuffling."""
    lines = Path(config.data.path).read_text(encoding="utf-8").splitlines()
    order = PromptOrder(len(lines), config.seed)
    count = config.train.steps * config.rollout.prompts_per_step
    target.write_text("".join(lines[order.at(cursor)] + "\n" for cursor in range(count)), encoding="utf-8")


def environment() -> dict[str, str]:
    """Return the environment of a worker: this package, whatever its interpreter, and one thread."""
    import twogrpo

    package = str(Path(twogrpo.__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": package, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def _rows(ours: list[dict[str, float]], peer: list[dict[str, float]]) -> list[Row]:
    def row(what: str, unit: str, key: str, goal: float | None) -> Row:
        return compare(what, unit, [r[key] for r in ours], [r[key] for r in peer], peer_name=PEER, goal=goal)

    return [
        row("CPU time of one online step", "s", "cpu_s", CPU_RATIO),
        row("wall time of one online step", "s", "wall_s", CPU_RATIO),
        row("peak memory of the process", "MB", "peak_memory_mb", 1.0),
    ]


def _details(ours: list[dict[str, float]], peer: list[dict[str, float]]) -> Mapping[str, Any]:
    return {"warm_up_steps": WARM_UP_STEPS, "overrides": SAME_OBJECTIVE, "steps": {"ours": ours, "peer": peer}}


if __name__ == "__main__":
    main()
