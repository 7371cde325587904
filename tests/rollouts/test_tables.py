import math

import numpy as np
import pytest

from twogrpo import DataError, RolloutStore, rollout_table


def said(role, text):
    return [{"role": "system", "content": "Be brief."}, {"role": role, "content": text}]


def test_a_batch_of_texts_is_appended_as_it_is(tmp_path):
    table = rollout_table(["p", "p", "q", "q"], list("abcd"), [1, 0, None, math.nan], step=3, group_size=2)
    with RolloutStore.open(tmp_path, run_id="r") as store:
        store.append(table, 3)
    rows = RolloutStore.open(tmp_path).scan().select("group_id", "rollout_idx", "prompt", "reward").collect().rows()
    first = 3 << 24
    assert rows == [(first, 0, "p", 1), (first, 1, "p", 0), (first + 1, 0, "q", None), (first + 1, 1, "q", None)]


def test_of_conversations_the_last_message_counts():
    table = rollout_table([said("user", "p")], [said("assistant", "a")], [1.0], step=0, group_size=1)
    assert table.select("prompt", "response").rows() == [("p", "a")]


def test_content_in_blocks_is_joined():
    blocks = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    table = rollout_table([said("user", blocks)], ["r"], [1.0], step=0, group_size=1)
    assert table["prompt"].item() == "ab"


def test_groups_by_a_key_need_no_order():
    table = rollout_table(["p", "q", "p"], list("abc"), [0, 1, 1], step=0, groups=["x", "y", "x"])
    assert table.select("group_id", "rollout_idx").rows() == [(0, 0), (1, 0), (0, 1)]


def test_the_rows_of_another_process_go_on_where_it_ended():
    table = rollout_table(["p", "q", "q"], list("abc"), [0, 1, 1], step=0, group_size=2, first_row=3)
    assert table.select("group_id", "rollout_idx").rows() == [(1, 1), (2, 0), (2, 1)]


def test_arrays_and_further_columns_are_taken():
    table = rollout_table(
        np.array(["p", "p"]),
        ["a", "b"],
        np.array([1.0, 0.0], dtype=np.float32),
        step=0,
        group_size=2,
        golds=[["1", 2], None],
        response_ids=[np.array([1, 2]), [3]],
        reward_format=[0.5, None],
    )
    assert table.select("gold", "gold_alternatives", "response_ids", "reward_format").rows() == [
        ("1", ["2"], [1, 2], 0.5),
        (None, None, [3], None),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rewards": [1.0]}, "reward has 1 values for 2 prompts"),
        ({"golds": ["1"]}, "gold has 1 values"),
        ({"groups": ["x"], "group_size": None}, "groups has 1 values"),
        ({"group_size": None}, "either group_size or groups"),
        ({"groups": ["x", "y"]}, "either group_size or groups"),
        ({"group_size": 0}, "group_size=0 is out of range"),
        ({"prompts": ["p", "q"]}, "group 0 of the step has two prompts"),
        ({"prompts": ["p", 3]}, r"prompts\[1\] is the number 3"),
        ({"responses": ["a", []]}, r"responses\[1\] is a list without a message of the assistant"),
        ({"rewards": ["high", 0]}, r"rewards\[0\] is text"),
        ({"golds": ["1", {}]}, r"golds\[1\] is an object"),
        ({"response_ids": [["a"], [1]]}, "response_ids cannot be stored as"),
    ],
)
def test_what_cannot_be_stored_is_said(arguments, message):
    given = {"prompts": ["p", "p"], "responses": ["a", "b"], "rewards": [1, 0], "step": 0, "group_size": 2} | arguments
    with pytest.raises(DataError, match=message):
        rollout_table(**given)
