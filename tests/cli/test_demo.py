"""The whole demo once, as `make demo` runs it."""

import json

import pytest

from tests.program import run


@pytest.mark.slow
def test_the_demo_learns_and_says_so(tmp_path):
    result = run("demo", "--dir", tmp_path / "demo", "--seed", 0, timeout_s=1200)
    assert result.returncode == 0, result.stderr
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    heldout = summary["heldout"]
    assert list(heldout) == ["warm_start", "control", "online", "dpo"]
    assert all(set(scores) == {"mean_at_8", "pass_at_8", "greedy"} for scores in heldout.values())
    assert heldout["online"]["mean_at_8"] > heldout["warm_start"]["mean_at_8"] + 0.25
    assert heldout["online"]["mean_at_8"] > heldout["control"]["mean_at_8"] + 0.15
    assert heldout["dpo"]["mean_at_8"] > heldout["warm_start"]["mean_at_8"] + 0.10
    assert summary["rollouts"] == 120 * 129 * 2
    assert f"{heldout['online']['mean_at_8']:.3f}" in result.stdout
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        "online",
        "dpo",
        "control",
        "summary.json",
        ".twogrpo-demo",
    }


def test_the_demo_removes_nothing_that_it_has_not_made(tmp_path):
    mine = tmp_path / "online" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    result = run("demo", "--dir", tmp_path)
    assert result.returncode == 2
    assert "no demo has made it" in result.stderr
    assert mine.read_text() == "mine"
