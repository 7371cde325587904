"""`twogrpo store info`: a store in numbers."""

from dataclasses import asdict

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.cli.store.place import Where

__all__ = ["info"]


def info(
    run: Where,
    *,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Print runs, rows, steps, bytes, tie rate and mean reward."""
    from twogrpo.store import RolloutStore

    found = asdict(RolloutStore.open(run).info())
    if as_json:
        print_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<{width}}  {_shown(value)}")


def _shown(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
