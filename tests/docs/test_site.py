"""The site builds without a warning, and no page links what is not there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import ROOT

pytest.importorskip("sphinx", reason="the extra docs is not installed")

FRONT_PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/README.md"]
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


def headings(page):
    """Return the anchors of a page's headings, as code hosts make them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def broken_links(page):
    for link in _LINK.finditer(page.read_text(encoding="utf-8")):
        file, _, anchor = link["target"].partition("#")
        if "://" in file:
            continue
        target = page.parent / file if file else page
        is_there = target.exists() and (not anchor or anchor in headings(target))
        if not is_there:
            yield link["target"]


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    built = subprocess.run(
        [*command, "--builder", "html", ROOT / "docs", tmp_path / "site"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "quickstart.html").is_file()


@pytest.mark.parametrize("name", FRONT_PAGES)
def test_a_front_page_links_what_is_there(name):
    assert list(broken_links(ROOT / name)) == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_of_docs_links_what_is_there(page):
    """As a code host shows the pages; sphinx resolves the same links in its own way."""
    assert list(broken_links(Path(page))) == []
