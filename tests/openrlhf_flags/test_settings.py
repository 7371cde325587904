"""What workers are told has whole paths: Ray starts them in folders of their own."""

from pathlib import Path

import pytest

from tests.openrlhf_flags.configs import online
from twogrpo.openrlhf.settings import VARIABLE, Settings


def handed(*overrides):
    settings = Settings(online(*overrides), Path("/runs/r"), run_id="r", model_id="m", steps=3, provenance={"a": "b"})
    return settings, Settings.of_json(settings.to_json())


def test_settings_come_back_as_they_were():
    settings, found = handed("reward.function=/files/r.py:f", "replay.rollouts=/runs/first")
    assert found == settings


@pytest.mark.parametrize(
    ("override", "section", "key"),
    [("reward.function=r.py:f", "reward", "function"), ("replay.rollouts=runs/first", "replay", "rollouts")],
)
def test_a_path_is_that_of_the_folder_in_which_the_run_was_started(tmp_path, monkeypatch, override, section, key):
    monkeypatch.chdir(tmp_path)
    settings, found = handed(override)
    given = override.partition("=")[2]
    assert getattr(getattr(found.config, section), key) == str(tmp_path / given)
    # The run's own configuration says what was typed, or its resumption would differ from it.
    assert getattr(getattr(settings.config, section), key) == given


def test_the_environment_holds_them(monkeypatch):
    settings, _ = handed()
    monkeypatch.setenv(VARIABLE, settings.to_json())
    assert Settings.of_environment() == settings
