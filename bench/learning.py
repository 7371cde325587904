"""Learning beside TRL's GRPOTrainer: after equally many rollouts, is the model as good? Ten seeds, compared in pairs.

A seed is the demo's online run from a warm start of its own. Both sides start from those weights and take the same
prompts in the same order with one reward, objective, optimizer and schedule, each in a process of its own, on one
thread. What differs is which tokens are sampled, and that ours leaves tied groups out of the training pass. Then one
evaluator asks both models the test problems with the same random numbers. The seeds and the goal were fixed before the
first run, and every seed is reported.

Warm starts are made once. What is done is kept side by side and seed by seed; `--resume` goes on from there after a run
was cut off, or with more of the seeds.

    python bench/learning.py [--quick] [--json] [--jobs N] [--seeds N] [--resume] [--peer-python PYTHON]
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from harness import REPOSITORY, Row, add_options, compare, publish
from step import CONFIG, PEER, SAME_OBJECTIVE, TRL, WORKERS, environment, peer_flags, require_peer
from twogrpo import OnlineConfig
from twogrpo.tiny import TinyFiles

SEEDS = range(101, 111)
SIDES = ("ours", "peer")
SCORES = ("mean_at_8", "pass_at_8", "greedy")
# The bound on the lower end of the interval of ours - TRL, in points of mean@8.
GOAL = -3.0
# Student's t, two-sided 95 %, from 1 degree of freedom on.
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
# Steps that are one point of a learning curve.
CURVE_STEPS = 10

Report = dict[str, Any]


def main() -> None:
    """Run the bench, print its table, and keep its result."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="seeds that run side by side")
    parser.add_argument("--peer-python", default=sys.executable, help=f"interpreter of an environment with trl=={TRL}")
    parser.add_argument(
        "--folder", type=Path, default=REPOSITORY / "runs" / "bench" / "learning", help="warm starts and what is done"
    )
    parser.add_argument("--seeds", type=int, choices=range(2, len(SEEDS) + 1), help="how many; all, or 2 with --quick")
    parser.add_argument("--resume", action="store_true", help="go on with what an earlier run has left")
    options = parser.parse_args()
    require_peer(options.peer_python)
    seeds = SEEDS[: options.seeds or (2 if options.quick else len(SEEDS))]
    steps = 12 if options.quick else OnlineConfig.load(CONFIG).train.steps
    root = options.folder.resolve()
    done = root / f"{steps}-steps"
    if not options.resume:
        shutil.rmtree(done, ignore_errors=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        run = partial(run_seed, root / "warm-starts", done, steps, options.peer_python)
        reports = list(pool.map(run, seeds))
    for line in table(reports):
        print(line, file=sys.stderr if options.json else sys.stdout)
    details = {"jobs": options.jobs, "steps": steps, "overrides": SAME_OBJECTIVE, "seeds": reports}
    publish("learning", rows(reports), options, details=details)


def run_seed(warm_starts: Path, done: Path, steps: int, peer_python: str, seed: int) -> Report:
    """Return what both sides make of one warm start: scores, CPU time and learning curves."""
    tiny, folder = TinyFiles(warm_starts / str(seed)), done / str(seed)
    overrides = [*SAME_OBJECTIVE, f"seed={seed}", f"train.steps={steps}", f"run_dir={folder / 'ours'}"]
    overrides += [f"model.path={tiny.model}", f"data.path={tiny.train}"]
    config = OnlineConfig.load(CONFIG, overrides)
    keep = partial(_kept, folder, {"trl": TRL, "config": config.model_dump(mode="json")})

    def ours() -> Report:
        return _last_line(_run(sys.executable, WORKERS / "learning_twogrpo.py", "--config", CONFIG, *overrides))

    def peer() -> Report:
        flags = peer_flags(config, folder / "rows.jsonl", folder / "peer")
        return _last_line(_run(peer_python, WORKERS / "learning_trl.py", *flags))

    runs = {"ours": keep("ours", ours), "peer": keep("peer", peer)}
    _check_equal(seed, runs)
    return {
        "seed": seed,
        "scores": keep("scores", partial(_scores, config, tiny.test, [run["model"] for run in runs.values()], folder)),
        **{side: {"cpu_s": run["cpu_s"], **_curves(run)} for side, run in runs.items()},
    }


def _scores(config: OnlineConfig, problems: Path, models: Sequence[str], folder: Path) -> Report:
    """Return the scores of both models, evaluated as the run would evaluate itself."""
    ours, peer = models
    keys = {
        "seed": config.seed,
        "reward.profile": config.reward.profile,
        "eval.samples": config.eval.samples,
        "eval.temperature": config.eval.temperature,
        "eval.max_new_tokens": config.rollout.max_new_tokens,
    }
    words = [ours, problems, *(f"{key}={value}" for key, value in keys.items()), "--against", peer]
    flags = ["--out", folder / "evaluation", "--force", "--quiet", "--json"]
    found = json.loads(_run(sys.executable, "-m", "twogrpo", "eval", *words, *flags))
    both = {"ours": found["scores"], "peer": found["against"]["scores"]}
    return {side: {name: scores[name]["value"] for name in SCORES} for side, scores in both.items()}


def _kept(folder: Path, settings: Mapping[str, Any], name: str, make: Callable[[], Report]) -> Report:
    """Return the report that an earlier run with the same settings has left, or make it and leave it."""
    path = folder / f"{name}.json"
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        if there["settings"] == settings:
            return dict(there["report"])
    folder.mkdir(parents=True, exist_ok=True)
    report = make()
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"settings": settings, "report": report}), encoding="utf-8")
    unfinished.replace(path)
    return report


def _run(*command: object) -> str:
    """Return what a process prints."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        sys.exit(f"{' '.join(words[:3])} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def _last_line(printed: str) -> Report:
    """Return the report with which a worker ends; libraries print before it."""
    return dict(json.loads(printed.splitlines()[-1]))


def _check_equal(seed: int, runs: Mapping[str, Report]) -> None:
    """End the bench where the sides had other numbers of rollouts or other learning rates."""
    ours, peer = (run["steps"]["learning_rate"] for run in runs.values())
    rates_agree = len(ours) == len(peer) and all(map(math.isclose, ours, peer))
    if not rates_agree or runs["ours"]["rollouts"] != runs["peer"]["rollouts"]:
        sys.exit(f"seed {seed}: the sides differ in rollouts or learning rates and cannot be compared")


def _curves(run: Report) -> dict[str, list[float]]:
    """Return the mean reward and share of tied groups of ten steps after another."""
    return {name: [statistics.fmean(part) for part in _parts(run["steps"][name])] for name in ("reward", "tied_share")}


def _parts(values: Sequence[float]) -> Iterator[Sequence[float]]:
    return (values[start : start + CURVE_STEPS] for start in range(0, len(values), CURVE_STEPS))


def rows(reports: Sequence[Report]) -> list[Row]:
    """Return the scores of both sides, and of each score the difference with the lower end of its interval."""
    found = []
    for score in SCORES:
        name = score.replace("_at_", "@")
        ours, peer = ([100 * report["scores"][side][score] for report in reports] for side in SIDES)
        found.append(compare(name, "points", ours, peer, peer_name=PEER, better="higher"))
        gains = [mine - theirs for mine, theirs in zip(ours, peer, strict=True)]
        # Set for all ten seeds; fewer must not be looked at until they please.
        goal = GOAL if score == SCORES[0] and len(gains) == len(SEEDS) else None
        what, bound = f"{name}, ours - TRL, {len(gains)} seeds", lower_bound(gains)
        found.append(compare(f"{what}, mean", "points", [statistics.fmean(gains)]))
        found.append(compare(f"{what}, lower 95 % bound", "points", [bound], better="higher", goal=goal))
    return found


def lower_bound(gains: Sequence[float]) -> float:
    """Return the lower end of the two-sided 95 % interval of a mean, by Student's t over 2 to 10 paired seeds."""
    return statistics.fmean(gains) - T_95[len(gains) - 2] * statistics.stdev(gains) / math.sqrt(len(gains))


def table(reports: Sequence[Report]) -> Iterator[str]:
    """Yield every seed's scores, mean@8/pass@8/greedy, the difference in mean@8, and both learning curves."""
    yield f"{'seed':<6}{'ours':<19}{'TRL':<19}ours - TRL, points of mean@8"
    for report in reports:
        scores = report["scores"]
        shown = "".join(f"{'/'.join(f'{each:.3f}' for each in found.values()):<19}" for found in scores.values())
        gain = 100 * (scores["ours"][SCORES[0]] - scores["peer"][SCORES[0]])
        yield f"{report['seed']:<6}{shown}{gain:+.2f}"
    yield f"mean reward over {CURVE_STEPS} steps after another"
    for report in reports:
        for side in SIDES:
            yield f"{report['seed']:<6}{side:<6}" + " ".join(f"{reward:.3f}" for reward in report[side]["reward"])


if __name__ == "__main__":
    main()
