"""The demo over ten seeds: what online 2-GRPO and DPO gain over the warm start and over a control without a verifier.

Every seed is a whole `twogrpo demo`, its warm start included, in a process and a folder of its own, on one thread. The
seeds and the goals were fixed before the first run, and every seed is reported.

    python bench/demo.py [--quick] [--json] [--jobs N]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness import Row, add_options, compare, publish

SEEDS = range(101, 111)
ARMS = ("warm_start", "control", "online", "dpo")
# (arm, arm it is compared with, least difference in any seed, least mean difference), in points of mean@8.
GAINS = (("online", "warm_start", 25, 35), ("online", "control", 15, 30), ("dpo", "warm_start", 10, 15))
# Greedy: points of noise allowed, and of ten seeds how many must not fall behind the control.
GREEDY_NOISE = 2
GREEDY_SEEDS = 8
SECONDS = 240


def main() -> None:
    """Run the bench, print its table, and keep its result."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="seeds that run side by side")
    options = parser.parse_args()
    seeds = SEEDS[:2] if options.quick else SEEDS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        summaries = list(pool.map(lambda seed: run_seed(Path(folder) / str(seed), seed), seeds))
    for line in table(summaries):
        print(line, file=sys.stderr if options.json else sys.stdout)
    publish("demo", rows(summaries), options, details={"jobs": options.jobs, "seeds": summaries})


def run_seed(folder: Path, seed: int) -> dict[str, Any]:
    """Return the summary of one whole demo."""
    command = [sys.executable, "-m", "twogrpo", "demo", "--dir", str(folder), "--seed", str(seed), "--quiet", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"seed {seed}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def rows(summaries: Sequence[dict[str, Any]]) -> list[Row]:
    """Return each criterion with its goal."""
    found = []
    for arm, other, least, mean in GAINS:
        gains = differences(summaries, arm, other, "mean_at_8")
        what = f"mean@8, {arm} - {other.replace('_', ' ')}"
        found.append(compare(f"{what}, smallest of {len(gains)} seeds", "points", [min(gains)], **goal(least)))
        found.append(compare(f"{what}, mean", "points", [sum(gains) / len(gains)], **goal(mean)))
    greedy = differences(summaries, "online", "warm_start", "greedy")
    found.append(compare("greedy, online - warm start, smallest", "points", [min(greedy)], **goal(-GREEDY_NOISE)))
    level = sum(gain >= -GREEDY_NOISE for gain in differences(summaries, "online", "control", "greedy"))
    wanted = GREEDY_SEEDS * len(summaries) / len(SEEDS)
    found.append(compare("greedy, online not below control by over 2 points", "seeds", [level], **goal(wanted)))
    seconds = [summary["seconds"] for summary in summaries]
    found.append(compare("one seed, all arms and evaluations", "s", seconds, goal=SECONDS))
    cpu_s = {arm: [summary["cpu_seconds"][arm] for summary in summaries] for arm in ARMS}
    return [*found, *(compare(f"CPU time of {arm.replace('_', ' ')}", "s", cpu_s[arm]) for arm in ARMS)]


def goal(least: float) -> dict[str, Any]:
    """Return a goal for a quantity of which more is better."""
    return {"better": "higher", "goal": least}


def differences(summaries: Sequence[dict[str, Any]], arm: str, other: str, score: str) -> list[float]:
    """Return the differences of a score between two arms, in points, one a seed."""
    return [100 * (s["heldout"][arm][score] - s["heldout"][other][score]) for s in summaries]


def table(summaries: Sequence[dict[str, Any]]) -> list[str]:
    """Return every seed's scores, mean@8/pass@8/greedy an arm, and its ties over the first and last ten steps."""
    lines = ["seed  " + "".join(f"{arm.replace('_', ' '):<19}" for arm in ARMS) + "ties          pairs"]
    for summary in summaries:
        scores = ("/".join(f"{value:.3f}" for value in summary["heldout"][arm].values()) for arm in ARMS)
        ties = summary["tied_share"]
        lines.append(
            f"{summary['seed']:<6}"
            + "".join(f"{score:<19}" for score in scores)
            + f"{ties['first_10']:.2f} -> {ties['last_10']:.2f}  {summary['dpo_pairs']}"
        )
    return lines


if __name__ == "__main__":
    main()
