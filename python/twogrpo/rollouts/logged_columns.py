"""Further columns of schema v1 that a logged row may carry by their names, each checked with its file and line."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from twogrpo.errors import DataError
from twogrpo.row_files import kind_of

__all__ = ["read_columns"]

_TEXTS = [
    "dataset",
    "prompt_id",
    "model_id",
    "logprob_kind",
    "generator",
    "dtype",
    "finish_reason",
    "status",
    "rule",
    "extracted",
    "verifier",
]
_TRUTHS = ("is_inert", "correct")
_FLOATS = ("advantage", "logprob_sum", "ref_logprob_sum", "temperature", "top_p", "min_p", "generate_ms")
_INTS = {
    **dict.fromkeys(("policy_version", "policy_version_max", "top_k", "max_new_tokens"), 2**31),
    **dict.fromkeys(("prompt_len", "response_len"), 2**31),
    "seed": 2**63,
}


def read_columns(place: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns of schema v1 among some values, and what is none of them.

    Args:
        place: File and place of the row.
        values: Its values, none of them null.

    Raises:
        DataError: A list of tokens is no such list, or as long as it should not be. A single value of another type than
            the schema's is the other program's own, and no error.
    """
    columns: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in values.items():
        if name in _LISTS:
            columns[name] = _list(place, name, value)
        elif name == "gold_alternatives":
            continue
        elif _fits(name, value):
            columns[name] = value
        else:
            extra[name] = value
    _check_lengths(place, columns)
    given = extra.get("extra")
    if len(extra) == 1 and isinstance(given, str):
        extra = _object(given) or extra
    return columns, extra


def _fits(name: str, value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _TEXTS:
        return isinstance(value, str)
    if name in _TRUTHS:
        return isinstance(value, bool)
    if name in _INTS:
        return isinstance(value, int) and is_number and -_INTS[name] <= value < _INTS[name]
    return (name in _FLOATS or name.startswith("reward_")) and is_number and math.isfinite(float(value))  # type: ignore[arg-type]


def _is_token(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_logprob(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool | int) and value in (0, 1)


_LISTS: dict[str, tuple[Callable[[object], bool], str]] = {
    "prompt_ids": (_is_token, "token ids"),
    "response_ids": (_is_token, "token ids"),
    "logprobs": (_is_logprob, "finite numbers"),
    "loss_mask": (_is_truth, "true and false"),
}


def _list(place: str, name: str, value: object) -> list[Any]:
    is_right, expected = _LISTS[name]
    if not isinstance(value, list):
        raise DataError(f"{place}: {name} is {kind_of(value)}, expected a list of {expected}")
    wrong = next((index for index, each in enumerate(value) if not is_right(each)), None)
    if wrong is not None:
        raise DataError(f"{place}: {name}[{wrong}] is {kind_of(value[wrong])}, expected a list of {expected}")
    return [bool(each) for each in value] if name == "loss_mask" else value


def _check_lengths(place: str, columns: Mapping[str, Any]) -> None:
    tokens = columns.get("response_ids")
    for name in ("logprobs", "loss_mask"):
        if tokens is not None and name in columns and len(columns[name]) != len(tokens):
            found = f"{len(columns[name])} values, but response_ids has {len(tokens)} tokens"
            raise DataError(f"{place}: {name} has {found}; expected one a token")


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
