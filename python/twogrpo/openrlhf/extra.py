"""`openrlhf.extra`: flags that pass through, each checked against the pinned OpenRLHF's own parser before a launch."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from twogrpo.errors import ConfigError

__all__ = ["checked_extra", "known_flags", "value_of"]

# Written by scripts/openrlhf_flags.py from the installed package.
KNOWN_FLAGS = Path(__file__).parent / "known_flags.json"
SEVERAL = {"*": "any number of values", "+": "one value or more"}


@cache
def known_flags(command: str) -> dict[str, int | str]:
    """Return every flag of one of OpenRLHF's commands with its number of values: 0, 1, 2, `+` or `*`."""
    flags: dict[str, int | str] = json.loads(KNOWN_FLAGS.read_text(encoding="utf-8"))[command]
    return flags


def checked_extra(
    extra: Sequence[str], *, command: str, taken: Mapping[str, str], barred: Mapping[str, str]
) -> list[str]:
    """Return the words of `openrlhf.extra`, a flag and its value in words of their own.

    Args:
        extra: The words, `--flag value` or `--flag=value`.
        command: OpenRLHF's command that gets them.
        taken: Flags that are set already, with the sentence that says by what.
        barred: Beginnings of flags that are refused, with the reason.

    Raises:
        ConfigError: A flag that is unknown, set already or refused, or a wrong number of values.
    """
    words: list[str] = []
    for flag, values in _grouped(extra):
        _check_flag(flag, command, taken, barred)
        _check_values(flag, values, known_flags(command)[flag])
        words += [flag, *values]
    return words


def value_of(flag: str, words: Sequence[str], default: int) -> int:
    """Return the whole number behind a flag in checked words; the last one counts, as it does for OpenRLHF.

    Raises:
        ConfigError: The value is no whole number above 0.
    """
    value = next((words[at + 1] for at in reversed(range(len(words))) if words[at] == flag), str(default))
    if not value.isdecimal() or int(value) == 0:
        raise ConfigError(f"openrlhf.extra: {flag} takes a whole number above 0, found {value}")
    return int(value)


def _grouped(extra: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each flag with its values."""
    flag, values = "", list[str]()
    for word in extra:
        if not word.startswith("--"):
            if not flag:
                raise ConfigError(f"openrlhf.extra begins with {word!r}, expected a flag such as --ds.adam_offload")
            values.append(word)
            continue
        if flag:
            yield flag, values
        flag, sign, value = word.partition("=")
        values = [value] if sign else []
    if flag:
        yield flag, values


def _check_flag(flag: str, command: str, taken: Mapping[str, str], barred: Mapping[str, str]) -> None:
    if flag in taken:
        raise ConfigError(f"openrlhf.extra: {flag} {taken[flag]}")
    known = known_flags(command)
    if flag not in known:
        close = difflib.get_close_matches(flag, known, n=1, cutoff=0.7)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"openrlhf.extra: {flag} is no flag of openrlhf.cli.{command} in the pinned version{hint}")
    reason = next((why for beginning, why in barred.items() if flag.startswith(beginning)), None)
    if reason is not None:
        raise ConfigError(f"openrlhf.extra: {flag} has no place here: {reason}")


def _check_values(flag: str, values: Sequence[str], expected: int | str) -> None:
    fits = len(values) == expected if isinstance(expected, int) else len(values) >= (expected == "+")
    if not fits:
        wanted = SEVERAL.get(str(expected)) or ("no value" if expected == 0 else f"{expected} value(s)")
        found = " ".join(values) or "none"
        raise ConfigError(f"openrlhf.extra: {flag} takes {wanted}, found {found}")
