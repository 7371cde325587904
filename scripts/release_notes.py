"""Prints what the changelog says of a release; exits 1, with the reason in one line, where the tag is no release.

    python scripts/release_notes.py v0.1.0

The version of a tag must be the one in Cargo.toml, and its section in CHANGELOG.md must have a date.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def release_notes(tag: str, root: Path = ROOT) -> str:
    """Return the changelog's section of a release, without its heading.

    Raises:
        ValueError: The tag is not `v` and the workspace's version, or the changelog has no dated section of it.
    """
    version = tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but Cargo.toml has version {version}; expected the tag v{version}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    # Up to the next section, or the links at the end.
    section = re.search(rf"(?ms)^## \[{re.escape(version)}\] - (\S+)\n(.*?)(?=^## |^\[.+\]: |\Z)", changelog)
    if section is None:
        raise ValueError(f"CHANGELOG.md has no section `## [{version}] - DATE`")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", section[1]) is None:
        raise ValueError(f"CHANGELOG.md says `{section[1]}` for {version}; expected a date such as 2026-01-31")
    return section[2].strip()


def main() -> None:
    """Print the notes of the tag that is named."""
    if len(sys.argv) != 2:  # noqa: PLR2004  # the program and the tag
        sys.exit("usage: python scripts/release_notes.py TAG")
    try:
        print(release_notes(sys.argv[1]))
    except ValueError as error:
        sys.exit(f"release_notes: {error}")


if __name__ == "__main__":
    main()
