r"""The verifier: does a model's final answer equal the gold answer?

A thin face of the Rust core. Five profiles: `rl` for rewards (the answer must stand in `\boxed{}`, precision first),
`eval` for scoring, `strict`, `string` and `math_verify`. A verdict's status says what happened; only a failure to
judge has no reward, and nothing that a response says can cause one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from twogrpo import _core
from twogrpo._core import Verdict
from twogrpo.errors import VerifyError

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "VERIFIER_VERSION",
    "ExtractionRule",
    "Mode",
    "Profile",
    "Verdict",
    "answer_kinds",
    "explain",
    "text_column",
    "verifier_name",
    "verify",
    "verify_batch",
]

Profile: TypeAlias = Literal["rl", "eval", "strict", "string", "math_verify"]
Mode: TypeAlias = Literal["response", "answer", "text"]
ExtractionRule: TypeAlias = Literal[
    "boxed", "answer_phrase", "hash", "answer_line", "choice", "last_math", "last_number"
]

VERIFIER_VERSION: str = _core.verifier_version()
"""The version of the rules; equal versions give equal verdicts on every machine."""

# A str of Python may hold half of a surrogate pair, which no UTF-8 has.
_TEXT = "text that UTF-8 can hold"


def verifier_name(profile: str, extract: Sequence[str] | None = None) -> str:
    """Return the name that verdicts are stored under, such as `twogrpo@0.1.0:rl` or `twogrpo@0.1.0:rl:hash+boxed`.

    Raises:
        VerifyError: If there is no such profile or extraction rule.
    """
    verify("", "", profile=profile, extract=extract)
    rules = "" if extract is None else f":{'+'.join(extract)}"
    return f"twogrpo@{VERIFIER_VERSION}:{profile}{rules}"


def verify(
    response: str,
    gold: str | Sequence[str],
    *,
    profile: str = "rl",
    mode: str = "response",
    extract: Sequence[str] | None = None,
    prompt: str | None = None,
) -> Verdict:
    r"""Return the verdict on one response.

    Args:
        response: The model's text.
        gold: The right answer, or several acceptable ones: any of them is a match. Without one, or where it is blank,
            nothing can be judged: the status is `unparsable_gold`, whatever the response.
        profile: One of `rl`, `eval`, `strict`, `string`, `math_verify`.
        mode: `response` looks for the answer in the text, where the profile allows it to stand: `rl`, `strict` and
            `string` read boxes alone. `answer` takes the text as the final answer, with or without `$..$` or
            `\boxed{..}` around it. `text` reads the response as `response` does, and the gold may be prose as well,
            such as a worked solution. Its answer is what it announces (one box, "the answer is", `####`, `Answer:`),
            under every profile; else the whole gold if that is understood, else its last box or formula.
        extract: Names of `ExtractionRule` instead of the profile's, in the order in which they are tried: a data set's
            own format, such as `["hash"]` for `#### 18`, instead of the box or beside it.
        prompt: Where a response begins with it, its text is not searched.

    Raises:
        VerifyError: If profile, mode or an extraction rule is unknown, or a text holds half of a surrogate pair.
    """
    golds = [gold] if isinstance(gold, str) else list(gold)
    try:
        return _core.verify(response, golds, profile, mode, None if extract is None else list(extract), prompt)
    except UnicodeEncodeError as error:
        raise VerifyError(f"the response or a gold answer is not {_TEXT}: {error}") from error


def verify_batch(
    responses: object,
    golds: object,
    *,
    profile: str = "rl",
    mode: str = "response",
    extract: Sequence[str] | None = None,
    prompts: object | None = None,
) -> "pl.DataFrame":
    """Return the verdicts on many responses, in their order, computed on several threads without the GIL.

    The number of threads is that of the machine, at most 8, or `TWOGRPO_NUM_THREADS`.

    Args:
        responses: Texts: a list, a polars Series, a pyarrow array or anything else with an Arrow stream, a pandas
            Series, an array of numpy, or any other sequence.
        golds: One right answer a response, or a list of acceptable ones a response. Nulls in a list are left out. A
            null, an empty list or a blank text is no gold answer: its row has the status `unparsable_gold`.
        profile: As in `verify`.
        mode: As in `verify`.
        extract: As in `verify`.
        prompts: One prompt a response, as `prompt` in `verify`.

    Returns:
        Columns `correct` bool, `status` str, `rule` str, `extracted` str, `reward` float32: 1, 0, or null where judging
        failed (`unparsable_gold`, `error`, or `limit` on the gold).

    Raises:
        VerifyError: If profile, mode or an extraction rule is unknown, the lengths differ, a response is null, or a
            column holds no text.
    """
    import polars as pl

    rules = None if extract is None else list(extract)
    asked = None if prompts is None else text_column(prompts, "prompts")
    columns = text_column(responses, "responses"), text_column(golds, "golds")
    return pl.DataFrame(_core.verify_batch(*columns, profile, mode, rules, asked))


def answer_kinds(answers: object) -> list[str]:
    r"""Return the kind of each bare answer, by the way it is written.

    Args:
        answers: Texts, as the responses of `verify_batch`.

    Returns:
        `integer`, `fraction`, `decimal`, `percent`, `quantity` (a number with a unit or words), `based`, `expression`,
        `interval`, `tuple` (of two values perhaps an open interval), `set`, `list` (several values without brackets, or
        `\pm`), `matrix`, `equation`, `inequality`, `text`, `choice`, `empty`, or `unknown` for what is not understood.

    Raises:
        VerifyError: If an answer is null, or the column holds no text.
    """
    return _core.answer_kinds(text_column(answers, "answers"))


def explain(verdict: Verdict, gold: str | Sequence[str]) -> str:
    """Return a verdict in words: what was found, how both sides were read, which rule decided, what it is worth."""
    rows = {
        "profile": verdict.profile,
        "extraction": _extraction(verdict),
        "answer": verdict.extracted,
        "read as": verdict.pred_form,
        "gold": gold if isinstance(gold, str) else " | ".join(gold),
        "gold read as": verdict.gold_form,
        "rule": verdict.rule,
        "status": verdict.status,
        "reward": "none: the answer could not be judged" if verdict.reward is None else f"{verdict.reward:g}",
        "fuel": f"{verdict.fuel} steps",
    }
    return "\n".join(f"{name:<13}{'-' if value is None else value}" for name, value in rows.items())


def _extraction(verdict: Verdict) -> str | None:
    if verdict.span is None:
        return None
    start, end = verdict.span
    where = f"characters {start} to {end}"
    if verdict.extraction is None:
        return f"a bare answer, {where}"
    others = f", {verdict.candidates} distinct candidates" if verdict.candidates > 1 else ""
    return f"{verdict.extraction}, {where}{others}"


def text_column(values: Any, name: str) -> object:  # noqa: ANN401 - whatever has an Arrow stream
    """Return texts, or lists of texts, as an object with an Arrow stream; `name` is what errors call them.

    Raises:
        VerifyError: If the values are one text, or something among them is none.
    """
    if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        return _decoded(values)
    if isinstance(values, str):
        raise VerifyError(f"{name} is one string; expected a list of them, or use verify() for a single answer")
    import polars as pl

    if isinstance(values, list) and set(map(type, values)) == {str}:
        return _series(name, values, pl.String)
    # A row may be an array of numpy, as in a column of lists of pandas or in a batch of verl.
    plain = (row.tolist() if hasattr(row, "tolist") else row for row in values)
    rows = [list(row) if isinstance(row, tuple) else row for row in plain]
    is_nested = any(isinstance(row, list) for row in rows)
    if is_nested:
        rows = [[row] if isinstance(row, str) else row for row in rows]
    return _series(name, rows, pl.List(pl.String) if is_nested else pl.String)


def _series(name: str, rows: list[Any], dtype: "pl.DataType | type[pl.DataType]") -> "pl.Series":
    import polars as pl

    try:
        return pl.Series(name, rows, dtype=dtype)
    except UnicodeEncodeError as error:
        raise VerifyError(f"{name} holds something that is not {_TEXT}: {error}") from error
    except (TypeError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise VerifyError(f"{name} holds something that is no text: {reason}") from error


def _decoded(values: Any) -> object:  # noqa: ANN401 - whatever has an Arrow stream
    """Return a column without the encodings that the core does not read: categories, lists of one fixed length."""
    import polars as pl

    if isinstance(values, pl.DataFrame):
        return values
    try:
        column = values if isinstance(values, pl.Series) else pl.from_arrow(values, rechunk=False)
    except (TypeError, pl.exceptions.PolarsError):
        # The core names the type.
        return values
    if isinstance(column, pl.Series) and isinstance(column.dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if isinstance(column, pl.Series) and isinstance(column.dtype, pl.Array):
        return column.arr.to_list()
    return values
