"""`twogrpo verify`: one answer, or a file of rows."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.errors import ConfigError, DataError

__all__ = ["verify"]

Profile = Literal["rl", "eval", "strict", "string", "math_verify"]
STREAM = "-"


def verify(
    answer: Annotated[
        str, typer.Argument(metavar="ANSWER|ROWS.jsonl", help="A response, or with --out a file of rows.")
    ],
    *,
    gold: Annotated[list[str] | None, typer.Option("--gold", help="The gold answer; several are alternatives.")] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write a verdict a row; - is stdout.")
    ] = None,
    profile: Annotated[Profile, typer.Option("--profile", help="Which rules.")] = "rl",
    bare: Annotated[bool, typer.Option("--bare", help="ANSWER is a final answer alone; nothing is extracted.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print how the verdict came about.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Verify one ANSWER against --gold, or a file of rows.

    A row has `gold` (one or a list) and `response`, a whole text, or `pred`, a bare final answer; `id` is copied.
    """
    if out is not None:
        _verify_file(answer, out, profile, as_json=as_json)
        return
    if not gold:
        raise ConfigError("--gold is missing; to verify a file of rows, name where to write with --out FILE")
    _verify_one(answer, gold, profile, mode="answer" if bare else "response", explain=explain, as_json=as_json)


def _verify_one(answer: str, gold: list[str], profile: str, *, mode: str, explain: bool, as_json: bool) -> None:
    from twogrpo import verifier

    verdict = verifier.verify(answer, gold, profile=profile, mode=mode)
    if as_json:
        names = ("correct", "status", "rule", "extracted", "extraction", "span", "reward", "gold_form", "pred_form")
        print_json({name: getattr(verdict, name) for name in names})
    elif explain:
        print(verifier.explain(verdict, gold[0] if len(gold) == 1 else gold))
    else:
        print(f"{'correct' if verdict.correct else 'not correct'}: {verdict.status}")


@dataclass(frozen=True)
class _Row:
    id: Any
    gold: list[str]
    text: str
    is_bare: bool


def _verify_file(source: str, out: str, profile: str, *, as_json: bool) -> None:
    rows = list(_read(source))
    verdicts = _verdicts(rows, profile)
    with _writing(out) as file:
        for row, verdict in zip(rows, verdicts, strict=True):
            file.write(json.dumps({"id": row.id, **verdict}, ensure_ascii=False) + "\n")
    counts = Counter(str(verdict["status"]) for verdict in verdicts)
    summary = {"rows": len(rows), "correct": sum(verdict["correct"] for verdict in verdicts), "status": dict(counts)}
    if as_json:
        print(json.dumps(summary), file=sys.stderr if out == STREAM else sys.stdout)
        return
    statuses = "  ".join(f"{name} {count:,}" for name, count in counts.most_common())
    print(f"{summary['correct']:,} of {len(rows):,} correct  {statuses}", file=sys.stderr)


def _verdicts(rows: list[_Row], profile: str) -> list[dict[str, Any]]:
    from twogrpo import verifier

    found: list[dict[str, Any]] = [{} for _ in rows]
    for is_bare in (False, True):
        chosen = [index for index, row in enumerate(rows) if row.is_bare is is_bare]
        if not chosen:
            continue
        texts, golds = [rows[index].text for index in chosen], [rows[index].gold for index in chosen]
        table = verifier.verify_batch(texts, golds, profile=profile, mode="answer" if is_bare else "response")
        columns = table.select("correct", "status", "rule", "extracted").iter_rows(named=True)
        for index, verdict in zip(chosen, columns, strict=True):
            found[index] = verdict
    return found


def _read(source: str) -> Iterator[_Row]:
    """Yield the rows of a JSONL file or of stdin.

    Raises:
        DataError: The file is missing or not UTF-8, or a row is not JSON or lacks a column; file and line are named.
    """
    try:
        data = sys.stdin.buffer.read() if source == STREAM else Path(source).read_bytes()
    except OSError as error:
        raise DataError(f"{source}: {error.strerror or error}; expected a JSONL file of rows") from error
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield _row(f"{source}:{number}", line, number)


def _row(place: str, line: bytes, number: int) -> _Row:
    try:
        row = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise DataError(f"{place}: not a row of JSON in UTF-8: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{place}: found a {type(row).__name__}, expected an object with gold and response or pred")
    gold = row.get("gold")
    golds = [str(value) for value in (gold if isinstance(gold, list) else [gold]) if value is not None]
    text = row.get("pred", row.get("response"))
    if not golds or text is None:
        missing = "gold" if not golds else "response or pred"
        raise DataError(f"{place}: no {missing}; columns found: {', '.join(row) or 'none'}")
    return _Row(row.get("id", number), golds, str(text), is_bare="pred" in row)


@contextmanager
def _writing(out: str) -> Iterator[TextIO]:
    if out == STREAM:
        yield sys.stdout
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(out).open("w", encoding="utf-8"))
        except OSError as error:
            raise DataError(f"--out {out}: {error.strerror or error}") from error
        yield file
