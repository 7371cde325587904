import pytest

from twogrpo.config import OnlineConfig
from twogrpo.config.difference import Difference
from twogrpo.errors import ConfigError
from twogrpo.preflight.folder import existing_parent, folder_section, look_at_folder
from twogrpo.train.folder_state import FolderState


def look(path):
    config = OnlineConfig.load(None, ["model.path=m", "data.path=d", f"run_dir={path}"])
    return look_at_folder(config, default="runs/online", resume=False, force=False)


def test_a_new_folder_is_not_made(tmp_path):
    assert look(tmp_path / "a" / "b").path == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_inside_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"cannot be made: .*file is a file"):
        look(tmp_path / "file" / "run")


def test_a_folder_without_the_right_to_write_is_refused(tmp_path, monkeypatch):
    # As root, who runs the tests in containers, may write everywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(ConfigError, match="cannot be written to"):
        look(tmp_path / "run")


def test_the_nearest_folder_that_exists(tmp_path):
    assert existing_parent(tmp_path / "a" / "b") == tmp_path
    assert existing_parent(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("has_run", "is_resumed", "what"), [(False, False, "new run"), (True, True, "goes on"), (True, False, "replaced")]
)
def test_what_becomes_of_the_folder(tmp_path, has_run, is_resumed, what):
    section = folder_section(FolderState(tmp_path, has_run, is_resumed), "constant", resume=is_resumed)
    assert what in section.facts[1].value


def test_a_run_that_is_not_there_to_resume_is_said(tmp_path):
    section = folder_section(FolderState(tmp_path, has_run=False, is_resumed=False), "constant", resume=True)
    assert section.facts[1].value == "a new run, as there is none to resume"


def test_changed_keys_of_a_resumed_run_are_shown(tmp_path):
    state = FolderState(tmp_path, has_run=True, is_resumed=True, changes=(Difference("train.steps", 3, 5),))
    fact = folder_section(state, "constant", resume=True).facts[-1]
    assert (fact.value, fact.text.split()) == (
        [{"key": "train.steps", "before": 3, "after": 5}],
        ["train.steps", "3", "->", "5"],
    )
