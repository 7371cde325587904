"""How sphinx builds the site: `make docs` writes it to site/ and fails on any warning, broken links included."""

import twogrpo

project = "twogrpo"
copyright = "the twogrpo authors, Apache-2.0"
version = release = twogrpo.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"twogrpo {release}"
# The pages are read as they stand on a code host as well: plain Markdown, links by file name and heading.
myst_heading_anchors = 3
# Docstrings mark code with one backtick, as Markdown does.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_use_rtype = False
