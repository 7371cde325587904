"""A tag is released only where it is the version and the changelog says what is in it."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "release_notes.py"
CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [1.2.0] - 2026-01-31

### Added

- This.

## [1.1.0] - 2025-12-01

- That.

[1.2.0]: https://example.org
"""


@pytest.fixture(scope="module")
def release_notes():
    spec = importlib.util.spec_from_file_location("release_notes", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.release_notes


@pytest.fixture
def project(tmp_path):
    def write(version="1.2.0", changelog=CHANGELOG):
        (tmp_path / "Cargo.toml").write_text(f'[workspace.package]\nversion = "{version}"\n')
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        return tmp_path

    return write


def test_the_section_of_the_version_is_returned(release_notes, project):
    assert release_notes("v1.2.0", project()) == "### Added\n\n- This."


def test_the_last_section_ends_before_the_links(release_notes, project):
    assert release_notes("v1.1.0", project(version="1.1.0")) == "- That."


@pytest.mark.parametrize("tag", ["1.2.0", "v1.2.1", "v1.2.0rc1", ""])
def test_another_tag_than_the_version_is_refused(release_notes, project, tag):
    with pytest.raises(ValueError, match=r"Cargo\.toml has version 1\.2\.0"):
        release_notes(tag, project())


def test_a_version_without_a_section_is_refused(release_notes, project):
    with pytest.raises(ValueError, match=r"no section `## \[1\.3\.0\]"):
        release_notes("v1.3.0", project(version="1.3.0"))


def test_a_section_without_a_date_is_refused(release_notes, project):
    with pytest.raises(ValueError, match="expected a date"):
        release_notes("v1.2.0", project(changelog=CHANGELOG.replace("2026-01-31", "unreleased")))
