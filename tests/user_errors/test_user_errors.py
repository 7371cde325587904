"""Every mistake ends with one line, an exit code, and nothing lost; the page shows the lines."""

import re

import pytest

from tests.conftest import write_rows
from tests.program import run_in_shell
from tests.user_errors.case import PREFIX
from tests.user_errors.cases import SECTIONS
from tests.user_errors.page import PAGE, row, written
from tests.user_errors.world import World, online

CASES = [case for cases in SECTIONS.values() for case in cases]


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_mistake_is_one_line_and_loses_nothing(world, case):
    played = case.play(world)
    assert played.outcome.code == case.code, played.outcome.stderr
    assert_one_line(played)
    missing = [part for part in case.says if part not in played.line]
    assert not missing, played.line
    assert played.changed == ()
    assert row(played) in PAGE.read_text().splitlines(), "docs/errors.md is stale; make errors-page writes it"
    if case.then:
        case.mend(played.folder)
        after = world.run(played.folder, *case.then)
        assert after.code == 0, after.stderr


def assert_one_line(played):
    lines = played.outcome.stderr.splitlines()
    if played.case.is_result:
        assert lines == []
        return
    assert [line for line in lines if line.startswith(PREFIX)] == lines[-1:], played.outcome.stderr
    # A command that has written nothing has nothing else to say, but for what a library warns of.
    ours = [line for line in lines if not line.startswith("[transformers]")]
    assert played.case.may_write or len(ours) == 1, played.outcome.stderr
    assert "Traceback" not in played.outcome.stderr


@pytest.mark.parametrize(
    "command", ["config show", "store info run", "pairs run --show 3", "verify rows.jsonl --out -"]
)
def test_a_pipe_closed_early_is_no_error(world, command):
    folder = world.place(f"pipe-{command}")
    world.with_run(folder)
    write_rows(folder / "rows.jsonl", [{"id": 1, "gold": "1", "pred": "1"}])
    outcome = run_in_shell(folder, f"twogrpo {command} 2> errors | true")
    assert outcome.code == 0
    assert "Error" not in (folder / "errors").read_text()


def test_a_traceback_is_shown_on_request(world):
    folder = world.place("traceback")
    outcome = world.run(folder, *online("model.path=./none"), "--traceback")
    assert outcome.code == 3
    assert "Traceback" in outcome.stderr
    assert outcome.line.startswith(PREFIX)


def test_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_page_has_these_cases_in_this_order():
    stubs = {case.name: f"| {case.did} | | |" for case in CASES}
    assert outline(PAGE.read_text()) == outline(written(stubs))


def outline(page):
    """Return a page with the first cell alone of each row."""
    return [re.sub(r"^(\|.*?)(?<!\\)\|.*", r"\1", line) for line in page.splitlines()]
