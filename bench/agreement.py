"""How often the verifier and math-verify say the same of whole responses of real models, and why not where they differ.

    python bench/agreement.py --material FOLDER [--quick] [--json] [--peer-python PYTHON]

Each difference is counted under its kind, as `workers/verify_differences.py` tells them; `bench/results/agreement.json`
has the reason and examples of each. Examples are gold and answer alone, without the response.
"""

import argparse
import json
import os
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import Worker, add_options, compare, publish

WORKERS = Path(__file__).resolve().parent / "workers"
sys.path.insert(0, str(WORKERS))
from verify_differences import Difference, Kind, kind_of  # noqa: E402  # beside the workers

FILES = ("skythought_full.jsonl",)
LEAST_AGREEMENT = 0.985
EXAMPLES = 8
LONGEST_EXAMPLE = 300
SEED = 0

Row = Mapping[str, Any]


def main() -> None:
    """Judge, compare, print and keep."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--material", type=Path, help="folder of labelled responses; nothing is measured without it")
    parser.add_argument("--rows", type=int, help="how many, drawn at random; all of them, or 100 with --quick")
    parser.add_argument("--peer-python", default=sys.executable, help="with math-verify")
    options = parser.parse_args()
    if options.material is None:
        print("nothing to measure: responses of real models are in the folder of --material", file=sys.stderr)
        return
    rows = [json.loads(line) for file in FILES for line in _lines(options.material / file)]
    count = options.rows or (100 if options.quick else len(rows))
    rows = random.Random(SEED).sample(rows, min(count, len(rows)))
    found = _differences(rows, _peers_verdicts(rows, options.peer_python))
    different = sum(len(members) for members in found.values())
    unexplained = len(found.get(None, ()))
    results = [
        compare("same verdict", "share", [1 - different / len(rows)], better="higher", goal=LEAST_AGREEMENT),
        compare("differences without a reason", "rows", [float(unexplained)], goal=0.0),
    ]
    details = {"profile": "eval", "rows": len(rows), "files": FILES, "seed": SEED, "kinds": _kinds(found)}
    publish("agreement", results, options, details=details)
    for kind in details["kinds"]:
        print(f"{kind['rows']:>5}  {kind['accepted_by']} accepts: {kind['kind']}", file=sys.stderr)


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").rstrip("\n").split("\n")


def _peers_verdicts(rows: Sequence[Row], python: str) -> list[bool]:
    """Return whether math-verify accepts each response."""
    with TemporaryDirectory(prefix="bench-agreement-") as name:
        folder = Path(name)
        file, verdicts = folder / "rows.json", folder / "verdicts.json"
        file.write_text(json.dumps({"responses": [(row["gold"], row["response"], False) for row in rows]}), "utf-8")
        arguments = ["--rows", str(file), "--verdicts", str(verdicts), "--rounds", "1"]
        command = [python, str(WORKERS / "verify_math_verify.py"), *arguments]
        with Worker(command, folder / "log", os.environ) as worker:
            worker.step()
        judged: list[bool] = json.loads(verdicts.read_text("utf-8"))["responses"]
        return judged


def _differences(rows: Sequence[Row], peer: Sequence[bool]) -> dict[Kind | None, list[tuple[Row, Difference]]]:
    """Return the rows on which both sides differ, by kind; under None those that no kind fits."""
    from twogrpo import verify_batch

    ours = verify_batch([row["response"] for row in rows], [row["gold"] for row in rows], profile="eval")
    found = defaultdict(list)
    for row, is_accepted, verdict in zip(rows, peer, ours.iter_rows(named=True), strict=True):
        if verdict["correct"] != is_accepted:
            difference = Difference(
                gold=row["gold"],
                has_box=r"\boxed{" in row["response"],
                extracted=verdict["extracted"] or "",
                status=verdict["status"],
                rule=verdict["rule"] or "",
                is_accepted_by_ours=verdict["correct"],
            )
            found[kind_of(difference)].append((row, difference))
    return found


def _kinds(found: Mapping[Kind | None, Sequence[tuple[Row, Difference]]]) -> list[dict[str, Any]]:
    """Return the kinds with their counts and examples, the most frequent first."""
    described = []
    for kind, members in sorted(found.items(), key=lambda item: -len(item[1])):
        labels = [row["label"] for row, _ in members]
        sides = {"ours" if difference.is_accepted_by_ours else "math-verify" for _, difference in members}
        described.append(
            {
                "kind": "not explained" if kind is None else kind.name,
                "accepted_by": " and ".join(sorted(sides)),
                "reason": None if kind is None else kind.reason,
                "rows": len(members),
                "labelled_right": sum(label is True for label in labels),
                "labelled_wrong": sum(label is False for label in labels),
                "examples": [_example(row, difference) for row, difference in members[:EXAMPLES]],
            }
        )
    return described


def _example(row: Row, difference: Difference) -> dict[str, Any]:
    return {
        "id": row["id"],
        "gold": row["gold"],
        "answer": difference.extracted[:LONGEST_EXAMPLE],
        "status": difference.status,
        "rule": difference.rule,
        "label": row["label"],
    }


if __name__ == "__main__":
    main()
