"""`twogrpo verify`: one answer, or a file of rows."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.errors import ConfigError, DataError

if TYPE_CHECKING:
    from twogrpo.verdict_files import VerdictCounts

__all__ = ["Profile", "verify"]

Profile = Literal["rl", "eval", "strict", "string", "math_verify"]
RowMode = Literal["pair", "text", "full"]
STREAM = "-"
FIELDS = (
    *("correct", "status", "reward", "rule", "profile"),
    *("extracted", "extraction", "span", "candidates"),
    *("gold_form", "pred_form", "fuel"),
)


def verify(
    answer: Annotated[
        str, typer.Argument(metavar="ANSWER|ROWS", help="A response, or with --out a file of rows; - is stdin.")
    ],
    *,
    gold: Annotated[list[str] | None, typer.Option("--gold", help="The gold answer; several are alternatives.")] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write a verdict a row: .jsonl, .parquet, - is stdout.")
    ] = None,
    profile: Annotated[Profile, typer.Option("--profile", help="Which rules.")] = "rl",
    mode: Annotated[
        RowMode | None,
        typer.Option("--mode", help="pair: a bare answer; full: a whole response; text: the gold is prose as well."),
    ] = None,
    extract: Annotated[
        str | None,
        typer.Option("--extract", metavar="RULES", help="Where the answer may stand, e.g. hash,boxed for #### 18."),
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="The same as --mode pair.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print how the verdict came about.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Verify one ANSWER against --gold, or a file of ROWS into --out.

    A row, of .jsonl or .parquet, has `gold` (one or a list) and either `response`, a whole text, or `pred`, a bare
    final answer. `id` is copied; `mode` may say otherwise what the text is. Verdicts have the columns `id`, `correct`,
    `status`, `rule` and `extracted`, in the order of the rows.
    """
    if bare and mode not in {None, "pair"}:
        raise ConfigError(f"--bare is --mode pair, but --mode is {mode}; leave one of them out")
    mode = "pair" if bare else mode
    rules = None if extract is None else [rule.strip() for rule in extract.split(",")]
    if out is None:
        _check_one(answer, gold)
        _verify_one(answer, gold or [], profile, mode or "full", rules, explain=explain, as_json=as_json)
    elif gold or explain:
        flag = "--gold" if gold else "--explain"
        raise ConfigError(
            f"{flag} is for one answer and --out for a file of rows, which hold their golds; leave one out"
        )
    else:
        _verify_rows(answer, out, profile, mode, rules, as_json=as_json)


def _check_one(answer: str, gold: list[str] | None) -> None:
    is_file = answer.endswith((".jsonl", ".parquet")) and "\n" not in answer
    if is_file and (not gold or Path(answer).is_file()):
        also = ", and leave out --gold" if gold else ""
        raise ConfigError(f"{answer} is a file of rows; add --out FILE for the verdicts, or --out - for stdout{also}")
    if not gold:
        raise ConfigError("--gold is missing; to verify a file of rows, name where to write with --out FILE")


def _verify_one(
    answer: str,
    gold: list[str],
    profile: str,
    mode: RowMode,
    rules: list[str] | None,
    *,
    explain: bool,
    as_json: bool,
) -> None:
    from twogrpo import verifier
    from twogrpo.answer_rows import VERIFIER_MODES

    text = _stdin() if answer == STREAM else answer
    verdict = verifier.verify(text, gold, profile=profile, mode=VERIFIER_MODES[mode], extract=rules)
    if as_json:
        print_json({name: getattr(verdict, name) for name in FIELDS})
    elif explain:
        print(verifier.explain(verdict, gold[0] if len(gold) == 1 else gold))
    else:
        print(f"{'correct' if verdict.correct else 'not correct'}: {verdict.status}")


def _stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"stdin: byte {error.start + 1} is not UTF-8 ({error.reason})") from error


def _verify_rows(
    source: str, out: str, profile: str, mode: RowMode | None, rules: list[str] | None, *, as_json: bool
) -> None:
    from twogrpo.verdict_files import verify_file

    counts = verify_file(source, out, profile=profile, mode=mode, extract=rules)
    if as_json:
        print(json.dumps(asdict(counts)), file=sys.stderr if out == STREAM else sys.stdout)
    else:
        print(_summary(counts), file=sys.stderr)


def _summary(counts: "VerdictCounts") -> str:
    statuses = "  ".join(f"{name} {count:,}" for name, count in counts.status.items())
    return f"{counts.correct:,} of {counts.rows:,} correct  {statuses}"
