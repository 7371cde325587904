import pytest

from twogrpo.config import OnlineConfig, to_yaml
from twogrpo.errors import ConfigError
from twogrpo.train.folder_state import CONFIG, changes_shown, inspect_run_folder


def config(path, *overrides):
    return OnlineConfig.load(None, ["model.path=m", "data.path=d", f"run_dir={path}", *overrides])


def begun(path, *overrides):
    """Leave the trace of a run's first step."""
    path.mkdir()
    (path / CONFIG).write_text(to_yaml(config(path, *overrides)))
    (path / "metrics.jsonl").write_text("{}\n")
    return path


def inspect(path, *overrides, resume=False, force=False):
    return inspect_run_folder(config(path, *overrides), default="runs/online", resume=resume, force=force)


def test_looking_writes_nothing(tmp_path):
    state = inspect(tmp_path / "a" / "b")
    assert (state.has_run, state.is_resumed) == (False, False)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_taken_up_or_replaced(tmp_path):
    path = begun(tmp_path / "a")
    assert inspect(path, resume=True).is_resumed
    state = inspect(path, force=True)
    assert (state.has_run, state.is_resumed) == (True, False)


def test_allowed_changes_are_listed(tmp_path):
    path = begun(tmp_path / "a", "train.steps=3", "eval.samples=8")
    state = inspect(path, "train.steps=5", "eval.samples=2", "checkpoint.keep=1", "log.every_steps=9", resume=True)
    assert [change.key for change in state.changes] == [
        "train.steps",
        "eval.samples",
        "checkpoint.keep",
        "log.every_steps",
    ]


def test_every_other_change_is_refused_by_name(tmp_path):
    path = begun(tmp_path / "a")
    with pytest.raises(ConfigError) as error:
        inspect(path, "rollout.group_size=4", "seed=7", "train.steps=5", resume=True)
    message = str(error.value)
    assert "seed=7 (the run has 0)" in message
    assert "rollout.group_size=4 (the run has 2)" in message
    assert "train.steps" not in message


def test_a_moved_run_has_no_changes(tmp_path):
    begun(tmp_path / "a").rename(tmp_path / "b")
    assert inspect(tmp_path / "b", resume=True).changes == ()


def test_a_key_that_the_run_s_version_did_not_know_may_have_its_default(tmp_path):
    path = begun(tmp_path / "a")
    text = (path / CONFIG).read_text().replace("  min_p: 0.0\n", "")
    assert "min_p" not in text
    (path / CONFIG).write_text(text + "forgotten: 1\n")
    assert inspect(path, resume=True).changes == ()
    with pytest.raises(ConfigError, match=r"rollout\.min_p=0\.1"):
        inspect(path, "rollout.min_p=0.1", resume=True)


def test_a_new_length_of_a_falling_rate_is_explained(tmp_path):
    path = begun(tmp_path / "a", "train.steps=20")
    changes = inspect(path, "train.steps=40", resume=True).changes
    assert list(changes_shown(changes, "constant")) == ["  train.steps  20 -> 40"]
    assert "train.schedule=linear" in list(changes_shown(changes, "linear"))[-1]


def test_another_change_needs_no_word_on_the_rate(tmp_path):
    path = begun(tmp_path / "a")
    changes = inspect(path, "eval.samples=2", resume=True).changes
    assert list(changes_shown(changes, "linear")) == ["  eval.samples  8 -> 2"]


def test_a_new_key_with_several_values_may_have_its_default(tmp_path):
    path = begun(tmp_path / "a")
    text = (path / CONFIG).read_text()
    (path / CONFIG).write_text(text.replace("  betas:\n  - 0.9\n  - 0.999\n", ""))
    assert (path / CONFIG).read_text() != text
    assert inspect(path, resume=True).changes == ()


@pytest.mark.parametrize("text", ["", "1: 2\n", "model: [1]\n"])
def test_a_configuration_that_is_none_is_named(tmp_path, text):
    path = begun(tmp_path / "a")
    (path / CONFIG).write_text(text)
    with pytest.raises(ConfigError, match=r"config\.resolved\.yaml: not the configuration of a run"):
        inspect(path, resume=True)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert inspect("~/runs").path == tmp_path / "runs"
