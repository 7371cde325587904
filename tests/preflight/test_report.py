import pytest

from twogrpo.errors import ConfigError, DataError
from twogrpo.preflight.report import Checks, Fact, Section, counted


def refuse(error):
    def look():
        raise error

    return look


def test_what_was_found_comes_back():
    checks = Checks()
    assert checks.attempt("data", lambda: 3) == 3
    checks.report("online").raise_first()


def test_a_refusal_is_kept_and_the_rest_goes_on():
    checks = Checks()
    assert checks.attempt("data", refuse(DataError("no rows"))) is None
    checks.add(Section("memory", (Fact("peak_bytes", 5, "5 B"),), ("little is left",)))
    assert checks.report("online").as_json() == {
        "command": "online",
        "is_ready": False,
        "sections": {"memory": {"peak_bytes": 5, "warnings": ["little is left"]}},
        "problems": [{"section": "data", "exit_code": 3, "message": "no rows"}],
    }


def test_one_missing_thing_is_one_problem():
    checks = Checks()
    for section in ("model", "data"):
        checks.attempt(section, refuse(DataError("no such folder")))
    assert len(checks.problems) == 1


def test_the_first_problem_is_raised_with_its_class_and_the_others_are_counted():
    checks = Checks()
    checks.attempt("data", refuse(DataError("no rows")))
    with pytest.raises(DataError, match=r"^no rows$"):
        checks.report("online").raise_first()
    checks.attempt("run folder", refuse(ConfigError("taken")))
    with pytest.raises(DataError, match=r"^no rows; and 1 more problem, listed in the report$"):
        checks.report("online").raise_first()


def test_an_error_that_nobody_meant_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        Checks().attempt("data", lambda: 1 // 0)


def test_counted_things():
    assert (counted(1, "update"), counted(1200, "update")) == ("1 update", "1,200 updates")
