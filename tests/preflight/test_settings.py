from twogrpo.config.origins import resolve_online
from twogrpo.preflight.render import render
from twogrpo.preflight.report import Report
from twogrpo.preflight.settings import settings_section


def section():
    return settings_section(resolve_online(None, ["model.path=m", "data.path=d", "seed=3"]).settings)


def test_only_keys_that_differ_from_their_defaults_are_shown():
    shown = list(render(Report("online", (section(),), ())))
    assert [line.split() for line in shown if "command line" in line] == [
        ["seed", "3", "command", "line"],
        ["model.path", "m", "command", "line"],
        ["data.path", "d", "command", "line"],
    ]
    assert not any("rollout.group_size" in line for line in shown)


def test_every_key_is_there_where_all_is_asked_for():
    shown = list(render(Report("online", (section(),), ()), is_verbose=True))
    assert any("rollout.group_size" in line and line.endswith("default") for line in shown)


def test_json_has_every_key_with_its_origin():
    facts = {fact.name: fact.value for fact in section().facts}
    assert facts["keys"]["seed"] == {"value": 3, "origin": "command line"}
    assert facts["keys"]["rollout.group_size"] == {"value": 2, "origin": "default"}
