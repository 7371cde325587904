"""Judges a fixed set of answers and compares the verdicts with those that are kept beside them.

A verdict is to be the same on every platform, down to the steps it took; every wheel runs this after it is built.

    python scripts/verdicts.py            # compares; exits 1 and names the rows that differ
    python scripts/verdicts.py --write    # keeps the verdicts of this build, after a rule has changed on purpose

A row has `gold` and either `response`, a whole text, or `pred`, a bare final answer; then the status under each
profile, and a digest of all that the verdicts say.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from twogrpo import verifier

ROWS = Path(__file__).resolve().parents[1] / "tests" / "data" / "answers.jsonl"
PROFILES = ("rl", "eval", "strict", "string", "math_verify")
FIELDS = ("correct", "status", "rule", "extracted", "extraction", "span", "candidates", "reward", "fuel")
FORMS = ("pred_form", "gold_form")


def main(arguments: list[str] | None = None) -> int:
    """Compare or write; return the exit code."""
    parser = argparse.ArgumentParser(description="Compare the verdicts on a fixed set of answers with those kept.")
    parser.add_argument("--write", action="store_true", help="keep the verdicts of this build")
    options = parser.parse_args(arguments)
    kept = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    found = [judged(row) for row in kept]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    if options.write:
        ROWS.write_text(text, encoding="utf-8", newline="\n")
    differing = [] if options.write else differences(kept, found)
    for line in differing:
        print(line)
    digest = hashlib.sha256(text.encode()).hexdigest()
    print(f"{len(found)} rows under {len(PROFILES)} profiles, {len(differing)} differ, sha256 {digest}")
    return 1 if differing else 0


def judged(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with this build's statuses and digest in place of those it has."""
    mode = "response" if "response" in row else "answer"
    text = row["response"] if mode == "response" else row["pred"]
    verdicts = {name: verifier.verify(text, row["gold"], profile=name, mode=mode) for name in PROFILES}
    asked: dict[str, Any] = {name: row[name] for name in ("id", "gold", "response", "pred") if name in row}
    statuses = {name: verdict.status for name, verdict in verdicts.items()}
    everything = [[getattr(verdict, field) for field in (*FIELDS, *FORMS)] for verdict in verdicts.values()]
    digest = hashlib.sha256(json.dumps(everything).encode()).hexdigest()[:16]
    return {**asked, **statuses, "digest": digest}


def differences(kept: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """Return a line for each row whose verdicts are not those kept."""
    lines = []
    for old, new in zip(kept, found, strict=True):
        if old == new:
            continue
        changed = [f"{name}: {old.get(name)} -> {new[name]}" for name in PROFILES if old.get(name) != new[name]]
        asked = new.get("response", new.get("pred"))
        lines.append(f"{new['id']}: {asked!r} for {new['gold']!r}: {'; '.join(changed) or 'other details'}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
