"""The examples of the page on the store, as Python objects."""

from pathlib import Path

import twogrpo as tg
from tests.docs.blocks import blocks_of

ROOT = Path(__file__).parents[2]


def example(name):
    """Return the class of that name that docs/store.md shows."""
    blocks = blocks_of(ROOT / "docs" / "store.md", ROOT)
    (source,) = [block.text for block in blocks if f"class {name}" in block.text]
    namespace = {"tg": tg}
    exec(source, namespace)  # noqa: S102  # the page is ours
    return namespace[name]
