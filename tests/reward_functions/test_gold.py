import logging
import math

import numpy as np
import pytest

from twogrpo.errors import DataError
from twogrpo.reward_functions.gold import gold_texts, warn_of_gold


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("1/2", ["1/2"]),
        (7, ["7"]),
        (0.5, ["0.5"]),
        (["1", 2], ["1", "2"]),
        (("1", None), ["1"]),
        (np.array(["1", "2"]), ["1", "2"]),
        (np.array(["1", 2], dtype=object), ["1", "2"]),
        (np.int64(3), ["3"]),
        (np.str_("x"), ["x"]),
        (None, []),
        (math.nan, []),
        ([], []),
    ],
)
def test_a_gold_of_any_kind_is_text(value, texts):
    assert gold_texts(value, "gold") == texts


@pytest.mark.parametrize("value", [{"answer": "1"}, True, math.inf, b"1", [["1"]]])
def test_what_is_no_answer_is_refused_with_its_place(value):
    with pytest.raises(DataError, match=r"row 3 of solution is .*expected text, a finite number"):
        gold_texts(value, "row 3 of solution")


def test_a_gold_is_warned_of_once(caplog):
    warn_of_gold.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            warn_of_gold("unparsable_gold", ("f(",), 0.0)
        warn_of_gold("unparsable_gold", ("g(",), 0.0)
    assert [record.args[1] for record in caplog.records] == [["f("], ["g("]]
