"""The command line: one file a command, each thin over the Python interface of the same name."""

from twogrpo.cli.app import main

__all__ = ["main"]
