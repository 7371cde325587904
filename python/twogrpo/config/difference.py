"""How two configurations differ, key by key: for `config diff`, and for what `--resume` may change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ABSENT", "Difference", "aligned", "differences", "flat", "shown_value"]

# A value longer than this, such as a system message, does not push the others aside.
VALUE_WIDTH = 24


class _Absent:
    """The value of a key that one side does not have at all, which is not the same as none."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


@dataclass(frozen=True)
class Difference:
    """One key with unequal values; `ABSENT` where a side does not have it."""

    key: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Return the key and the values that are there, as `before` and `after`."""
        sides = {"before": self.before, "after": self.after}
        return {"key": self.key, **{name: value for name, value in sides.items() if value is not ABSENT}}


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, ignored: Sequence[str] = ()
) -> tuple[Difference, ...]:
    """Return the keys in which two nested configurations differ, in the order of the first.

    Args:
        before: Nested values, as a YAML file holds them.
        after: Likewise.
        ignored: Dotted keys that are not compared.
    """
    old, new = flat(before), flat(after)
    keys = [key for key in {**old, **new} if key not in ignored]
    pairs = ((key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys)
    return tuple(Difference(key, a, b) for key, a, b in pairs if a != b)


def aligned(changes: Sequence[Difference]) -> Iterator[str]:
    """Yield one indented line a key, its two values in columns."""
    rows = [(change.key, shown_value(change.before), shown_value(change.after)) for change in changes]
    key_width, before_width = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    for key, before, after in rows:
        yield f"  {key:<{key_width}}  {before:<{min(before_width, VALUE_WIDTH)}} -> {after}"


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted key; tuples become lists, as YAML knows no other."""
    return dict(_flat_items(values, prefix))


def shown_value(value: Any) -> str:  # noqa: ANN401  # whatever a configuration can hold
    """Return a value as a person reads and types it: `null` for None, text quoted only where it needs it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and (not value or value != value.strip() or not value.isprintable()):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shown_value, value))}]"
    return str(value)


def _flat_items(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat_items(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", list(value) if isinstance(value, tuple) else value
