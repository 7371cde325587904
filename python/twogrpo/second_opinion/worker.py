r"""One process of a second opinion: a line of JSON in, a line out, judged by math-verify.

It is run as a file, imports nothing of twogrpo, and knows no timeout: its parent kills it. What a parent that is gone
cannot do is bounded here, memory and CPU time.

    python worker.py MEMORY_BYTES CPU_S
"""

import json
import math
import os
import sys
from typing import Any

READY = "ready"


def main() -> None:
    """Answer lines until stdin ends."""
    memory_bytes, cpu_s = int(sys.argv[1]), float(sys.argv[2])
    # Whatever else is printed must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from math_verify import parse, verify

    _bound("RLIMIT_AS", memory_bytes)
    print(READY, file=answers, flush=True)
    for line in sys.stdin.buffer:
        _bound("RLIMIT_CPU", math.ceil(sum(os.times()[:2]) + cpu_s) + 1)
        answer, golds = json.loads(line)
        print(_verdict(parse, verify, answer, golds), file=answers, flush=True)


def _verdict(parse: Any, verify: Any, answer: str, golds: list[str]) -> str:  # noqa: ANN401  # of an untyped package
    """Return `match`, `mismatch`, `unparsable_gold`, or `error` where math-verify fails."""
    try:
        # Its own timeouts are signals, which its defaults would raise in the middle of a line here.
        parsed = [gold for gold in (parse(each, parsing_timeout=None) for each in golds) if gold]
        if not parsed:
            return "unparsable_gold"
        target = parse(answer, parsing_timeout=None)
        is_match = any(verify(gold, target, timeout_seconds=None) for gold in parsed)
    except Exception:  # noqa: BLE001  # whatever sympy meets, also no more memory
        return "error"
    return "match" if is_match else "mismatch"


def _bound(name: str, value: int) -> None:
    """Set a soft limit of the system, where it has limits."""
    try:
        import resource
    except ImportError:
        return
    kind = getattr(resource, name)
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


if __name__ == "__main__":
    main()
