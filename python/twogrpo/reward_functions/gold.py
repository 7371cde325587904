"""Gold answers as other trainers hand them over: text, numbers, lists and arrays of these, or nothing."""

import logging
import math
from functools import lru_cache
from typing import Any

from twogrpo.prompt_files import answer_text

__all__ = ["gold_texts", "warn_of_gold"]

_LOG = logging.getLogger(__name__)
_REMEMBERED_GOLDS = 4096


def gold_texts(value: Any, what: str) -> list[str]:  # noqa: ANN401  # whatever stands in a user's column
    """Return the acceptable answers that a value holds; none where it is null, NaN or a list without any.

    Args:
        value: Text, a number, or a list, tuple or numpy array of these.
        what: Where the value stands, for the error.

    Raises:
        DataError: If it is anything else, such as a dictionary.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    values = value if isinstance(value, list | tuple) else [value]
    return [answer_text(what, each) for each in values if not _is_missing(each)]


def _is_missing(value: object) -> bool:
    # A column of pandas has NaN where there is nothing.
    return value is None or (isinstance(value, float) and math.isnan(value))


@lru_cache(maxsize=_REMEMBERED_GOLDS)
def warn_of_gold(status: str, golds: tuple[str, ...], score: float) -> None:
    """Log that an answer could not be judged by its gold, once a gold."""
    _LOG.warning("%s: no answer can be judged by the gold %s; its rows score %g", status, list(golds), score)
