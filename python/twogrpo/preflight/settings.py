"""The section about the configuration: every key with its value and where the value comes from."""

from collections.abc import Sequence

from twogrpo.config.difference import shown_value
from twogrpo.config.origins import Setting
from twogrpo.preflight.report import Fact, Section

__all__ = ["settings_section"]


def settings_section(settings: Sequence[Setting]) -> Section:
    """Return the keys that differ from their defaults, and as details all the others."""
    changed = [setting for setting in settings if not setting.is_default]
    others = [setting for setting in settings if setting.is_default]
    values = {each.key: {"value": each.value, "origin": each.origin} for each in settings}
    facts = [Fact("keys", values, "\n".join(_table(changed)) or "every key has its default", is_table=True)]
    if others:
        facts.append(Fact("defaults", len(others), f"{len(others)} other keys have their defaults", is_table=True))
        facts.append(
            Fact("others", [each.key for each in others], "\n".join(_table(others)), is_detail=True, is_table=True)
        )
    return Section("configuration", tuple(facts))


def _table(settings: Sequence[Setting]) -> list[str]:
    rows = [(each.key, shown_value(each.value), each.origin) for each in settings]
    key_width, value_width = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    # One long value does not push every origin out of sight.
    value_width = min(value_width, 30)
    return [f"{key:<{key_width}}  {value:<{value_width}}  {origin}" for key, value, origin in rows]
