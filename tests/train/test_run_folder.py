import fcntl
import json
import os

import pytest

from tests.judged_store import RIGHT, WRONG, judged_rows, store_of
from twogrpo.config import OnlineConfig
from twogrpo.errors import ConfigError, StoreError
from twogrpo.store import RolloutStore
from twogrpo.train.run_folder import open_run_folder


def config(path=None, *overrides):
    named = [] if path is None else [f"run_dir={path}"]
    return OnlineConfig.load(None, ["model.path=m", "data.path=d", *named, *overrides])


def open_folder(path, *overrides, resume=False, force=False):
    return open_run_folder(config(path, *overrides), default="runs/online", resume=resume, force=force)


def begin(path, *overrides, resume=False, force=False):
    """Open a run folder and leave the trace of a first step in it."""
    folder = open_folder(path, *overrides, resume=resume, force=force)
    folder.begin(config(path, *overrides))
    folder.metrics.write_text('{"kind": "train", "step": 0}\n')
    return folder


def test_a_new_folder_holds_configuration_and_environment(tmp_path):
    folder = begin(tmp_path / "a")
    assert OnlineConfig.load(folder.config).run_dir == str(tmp_path / "a")
    assert json.loads((folder.path / "env.json").read_text())["python"]
    assert not folder.is_resumed


def test_a_named_run_is_not_overwritten(tmp_path):
    begin(tmp_path / "a")
    with pytest.raises(ConfigError, match=r"already holds a run; add --resume .* or --force"):
        begin(tmp_path / "a")


def test_an_unnamed_run_takes_the_next_free_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [begin(None).path.name for _ in range(3)]
    assert names == ["online", "online-2", "online-3"]


def test_force_removes_the_run_and_nothing_else(tmp_path):
    folder = begin(tmp_path / "a")
    (folder.path / "notes.txt").write_text("mine")
    again = open_folder(tmp_path / "a", force=True)
    assert not folder.metrics.exists()
    assert (again.replaced / "metrics.jsonl").exists()
    again.begin(config(tmp_path / "a"))
    assert not again.replaced.exists()
    assert (folder.path / "notes.txt").read_text() == "mine"


def fail(folder):
    with folder.restoring():
        (folder.path / "rollouts").mkdir(exist_ok=True)
        folder.config.write_text("new")
        raise ValueError


def test_the_run_to_replace_comes_back_when_the_new_one_is_refused(tmp_path):
    before = begin(tmp_path / "a").config.read_text()
    again = open_folder(tmp_path / "a", force=True)
    with pytest.raises(ValueError):  # noqa: PT011  # any error at all
        fail(again)
    assert again.config.read_text() == before
    assert again.metrics.exists()
    assert sorted(path.name for path in again.path.iterdir()) == ["config.resolved.yaml", "env.json", "metrics.jsonl"]


def test_a_run_that_has_begun_stays_when_it_fails(tmp_path):
    begin(tmp_path / "a")
    again = open_folder(tmp_path / "a", force=True)
    again.begin(config(tmp_path / "a", "seed=5"))
    with pytest.raises(ValueError):  # noqa: PT011
        fail(again)
    assert again.config.read_text() == "new"


def refuse(folder):
    with folder.restoring():
        RolloutStore.open(folder.rollouts, run_id=folder.run_id).close()
        raise ValueError


def test_a_folder_made_for_a_refused_run_goes_again(tmp_path):
    with pytest.raises(ValueError):  # noqa: PT011
        refuse(open_folder(tmp_path / "runs" / "a"))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_that_was_there_stays(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError):  # noqa: PT011
        refuse(open_folder(tmp_path / "a"))
    assert (tmp_path / "a").is_dir()


def test_a_new_run_that_has_begun_stays_when_it_fails(tmp_path):
    folder = open_folder(tmp_path / "a")
    folder.begin(config(tmp_path / "a"))
    with pytest.raises(ValueError):  # noqa: PT011
        refuse(folder)
    assert folder.config.exists()


def test_a_folder_that_stored_rollouts_before_it_failed_stays(tmp_path):
    folder = open_folder(tmp_path / "a")
    store_of(folder.rollouts, judged_rows(0, [(RIGHT, WRONG)]))
    with pytest.raises(ValueError):  # noqa: PT011
        refuse(folder)
    assert (folder.rollouts / "run=a").is_dir()


def test_a_run_that_is_alive_leaves_no_hold_on_its_folder(tmp_path):
    begin(tmp_path / "a")
    with (
        RolloutStore.open(tmp_path / "a" / "rollouts", run_id="a"),
        pytest.raises(StoreError, match="is being written"),
    ):
        open_folder(tmp_path / "a", force=True)
    folder = os.open(tmp_path / "a", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(folder)


def test_a_folder_of_other_files_is_refused_even_with_force(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match="holds other files and no run"):
        begin(tmp_path / "a", force=True)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        begin(tmp_path / "a")


def test_resume_may_go_on_for_longer(tmp_path):
    begin(tmp_path / "a", "train.steps=3")
    folder = begin(tmp_path / "a", "train.steps=5", "eval.samples=2", resume=True)
    assert folder.is_resumed
    assert OnlineConfig.load(folder.config).train.steps == 5


def test_resume_of_nothing_begins_a_run(tmp_path):
    assert not begin(tmp_path / "a", resume=True).is_resumed


def test_run_id_has_no_separators(tmp_path):
    assert begin(tmp_path / "a b=c").run_id == "a-b-c"


def test_a_run_refused_before_its_first_step_is_no_run(tmp_path):
    open_folder(tmp_path / "a").begin(config(tmp_path / "a"))
    assert not open_folder(tmp_path / "a", "seed=5").is_resumed


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be made"):
        open_folder(tmp_path / "file" / "run")


def test_force_and_resume_together_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="give one of them"):
        open_folder(tmp_path / "a", resume=True, force=True)


def test_a_renamed_run_keeps_its_name_in_the_store(tmp_path):
    begin(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    assert begin(tmp_path / "b", resume=True).run_id == "a"


def test_an_unnamed_resume_takes_the_newest_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin(None)
    begin(None)
    assert begin(None, resume=True).path.name == "online-2"


def test_a_run_without_its_configuration_is_refused(tmp_path):
    begin(tmp_path / "a").config.unlink()
    with pytest.raises(ConfigError, match=r"a run without config\.resolved\.yaml"):
        open_folder(tmp_path / "a", resume=True)
