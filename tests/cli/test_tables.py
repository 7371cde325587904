from datetime import UTC, datetime

import pytest

from twogrpo.cli import tables


@pytest.fixture
def shown(capsys, monkeypatch):
    def make(width, names, rows):
        monkeypatch.setattr(tables, "terminal_width", lambda: width)
        tables.print_table(names, rows)
        return capsys.readouterr().out.splitlines()

    return make


def test_numbers_stand_to_the_right_and_text_to_the_left(shown):
    lines = shown(80, ["name", "value"], [("a", 1.5), ("bcdef", 12345)])
    assert lines == ["name   value", "a        1.5", "bcdef  12345"]


def test_what_a_value_looks_like(shown):
    values = [None, float("nan"), 1 / 3, True, [1, None], datetime(2026, 1, 2, tzinfo=UTC), "a\x1b\n"]
    lines = shown(None, ["v"], [(value,) for value in values])
    assert lines[1:] == ["null", "nan", "0.333333", "True", "[1, null]", "2026-01-02T00:00:00+00:00", r"a\x1b\n"]


def test_long_cells_are_cut_to_the_terminal(shown):
    lines = shown(40, ["id", "text"], [(1, "x" * 200)])
    assert [len(line) for line in lines[1:]] == [40]
    assert lines[1].endswith("x…")


def test_in_a_pipe_nothing_is_cut(shown):
    assert "x" * 200 in shown(None, ["id", "text"], [(1, "x" * 200)])[1]


def test_wide_characters_take_two_columns(shown):
    lines = shown(80, ["text", "n"], [("答え", 1), ("abc", 2)])
    assert lines == ["text  n", "答え  1", "abc   2"]


def test_too_many_columns_become_records(shown):
    names = [f"column_{index}" for index in range(12)]
    lines = shown(80, names, [tuple("y" * 300 for _ in names)] * 2)
    assert (lines[0], lines[13]) == ("row 1", "row 2")
    assert lines[1].startswith("  column_0   yyy")
    assert max(map(len, lines)) <= 80


def test_no_rows_are_the_names(shown):
    assert shown(80, ["a", "b"], []) == ["a  b"]
