from twogrpo.config.difference import ABSENT, Difference, aligned, differences, flat, shown_value


def test_only_unequal_keys_are_named_in_the_order_of_the_first():
    before = {"b": {"y": 1, "x": 2}, "a": 3}
    after = {"a": 4, "b": {"x": 2, "y": 5}}
    assert differences(before, after) == (Difference("b.y", 1, 5), Difference("a", 3, 4))


def test_a_key_that_one_side_lacks_is_not_none():
    assert differences({"a": None}, {}) == (Difference("a", None, ABSENT),)
    assert differences({}, {"a": None})[0].as_json() == {"key": "a", "after": None}


def test_ignored_keys_are_not_compared():
    assert differences({"run_dir": "a"}, {"run_dir": "b"}, ignored=["run_dir"]) == ()


def test_a_tuple_equals_the_list_that_yaml_gives():
    assert differences({"betas": (0.9, 0.99)}, {"betas": [0.9, 0.99]}) == ()


def test_values_stand_in_columns():
    changes = [Difference("train.steps", 20, 40), Difference("eval.data", None, "test.jsonl")]
    assert list(aligned(changes)) == ["  train.steps  20   -> 40", "  eval.data    null -> test.jsonl"]


def test_a_long_value_does_not_push_the_others_aside():
    changes = [Difference("data.system", "x" * 100, "y"), Difference("seed", 0, 1)]
    assert len(list(aligned(changes))[1]) < 60


def test_values_are_shown_as_they_are_typed():
    shown = [shown_value(value) for value in (None, True, 0.5, "a b", " a", "", (1, None), "a\nb")]
    assert shown == ["null", "true", "0.5", "a b", "' a'", "''", "[1, null]", r"'a\nb'"]


def test_nested_values_by_dotted_key():
    assert flat({"a": {"b": {"c": 1}}, "d": 2}) == {"a.b.c": 1, "d": 2}
