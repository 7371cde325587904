from concurrent.futures import ThreadPoolExecutor

import pytest

from twogrpo.train.folder_claim import claim_folder

CONTENTS = ("rollouts", "tiny")


def never():
    return False


def undo(claim, has_begun=never):
    claim.undo(CONTENTS, has_begun)


def make_contents(folder):
    (folder / "rollouts" / "_twogrpo").mkdir(parents=True)
    (folder / "rollouts" / "_twogrpo" / "store.json").write_text("{}")
    (folder / "tiny").write_text("")


def test_a_folder_that_was_made_goes_again_with_its_parents(tmp_path):
    undo(claim_folder(tmp_path / "runs" / "online"))
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_makes_goes_as_well(tmp_path):
    claim = claim_folder(tmp_path / "a")
    make_contents(tmp_path / "a")
    undo(claim)
    assert not (tmp_path / "a").exists()


def test_a_folder_that_was_there_stays(tmp_path):
    (tmp_path / "a").mkdir()
    undo(claim_folder(tmp_path / "a"))
    assert (tmp_path / "a").is_dir()


def test_a_folder_of_other_files_stays_as_it_is(tmp_path):
    claim = claim_folder(tmp_path / "a")
    make_contents(tmp_path / "a")
    (tmp_path / "a" / "notes.txt").write_text("mine")
    undo(claim)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["notes.txt", "rollouts", "tiny"]


def test_a_folder_whose_run_has_begun_stays(tmp_path):
    undo(claim_folder(tmp_path / "a"), has_begun=lambda: True)
    assert (tmp_path / "a").is_dir()


def test_a_released_folder_stays(tmp_path):
    claim = claim_folder(tmp_path / "a")
    claim.release()
    undo(claim)
    assert (tmp_path / "a").is_dir()


def test_a_parent_with_something_else_stays(tmp_path):
    claim = claim_folder(tmp_path / "runs" / "online")
    (tmp_path / "runs" / "online-2").mkdir()
    undo(claim)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["online-2"]


def test_a_folder_that_another_has_open_stays(tmp_path):
    first, second = claim_folder(tmp_path / "a"), claim_folder(tmp_path / "a")
    undo(first)
    assert (tmp_path / "a").is_dir()
    second.release()


def test_who_has_not_made_a_folder_does_not_remove_it(tmp_path):
    first, second = claim_folder(tmp_path / "a"), claim_folder(tmp_path / "a")
    first.release()
    undo(second)
    assert (tmp_path / "a").is_dir()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):  # noqa: PT011  # the system's own words
        claim_folder(tmp_path / "file" / "run")


def test_a_link_to_nowhere_is_no_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        claim_folder(tmp_path / "link" / "run")


def test_a_folder_that_is_held_is_there(tmp_path):
    """However often it is made and removed: a lock belongs to the opened folder, so threads meet as processes do."""

    def make_and_undo(_turn):
        claim = claim_folder(tmp_path / "runs" / "a")
        (tmp_path / "runs" / "a" / "rollouts").mkdir(exist_ok=True)
        undo(claim)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(make_and_undo, range(1000))) == [None] * 1000
