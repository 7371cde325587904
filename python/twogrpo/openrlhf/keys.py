"""What becomes of one configuration key when a run goes to OpenRLHF, as data, and the words that it turns into."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from twogrpo.config import RunConfig
from twogrpo.errors import ConfigError

__all__ = ["Always", "Key", "Launch", "Value", "check_keys", "flag_words", "owners", "warmup_ratio", "words"]

Value = str | float | Path | Sequence[str | float] | None


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One launch of OpenRLHF.

    Attributes:
        config: The run's configuration.
        model: Folder or hub id of the model that training starts from.
        run: The run folder.
        steps: Steps of the whole run, as the configuration counts them.
        updates: Optimizer steps of the whole run.
        max_len: Tokens of the longest sequence, prompt and response.
        is_resumed: Whether the run goes on from its checkpoint.
    """

    config: RunConfig
    model: str
    run: Path
    steps: int
    updates: int
    max_len: int
    is_resumed: bool


LaunchT_contra = TypeVar("LaunchT_contra", bound=Launch, contravariant=True)
ConfigT_contra = TypeVar("ConfigT_contra", bound=RunConfig, contravariant=True)


def _never(_config: RunConfig) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Key(Generic[LaunchT_contra, ConfigT_contra]):
    """What becomes of one key.

    Attributes:
        by: Who carries it where no flag does, or what the flag does differently; one line for the documentation.
        flags: OpenRLHF's flags that it sets, with the value of each; None leaves a flag out, True is a switch.
        left_to_extra: Those of the flags that `openrlhf.extra` may give as well.
        only: The values that can be carried, in words, where not all can.
        is_refused: Whether the value cannot be carried.
        why: Why it then cannot, and what to do instead.
    """

    by: str = ""
    flags: Mapping[str, Callable[[LaunchT_contra], Value]] = field(default_factory=dict)
    left_to_extra: tuple[str, ...] = ()
    only: str = ""
    is_refused: Callable[[ConfigT_contra], bool] = _never
    why: str = ""


class Always(NamedTuple, Generic[LaunchT_contra]):
    """A flag that no key sets: its value, and why it has that value."""

    value: Callable[[LaunchT_contra], Value]
    why: str


def words(flag: str, value: Value) -> list[str]:
    """Return a flag and its value as a command line's words; none for a value of None or False."""
    if value is None or isinstance(value, bool):
        return [flag] if value else []
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [flag, *map(str, value)]
    return [flag, str(value)]


def check_keys(keys: Mapping[str, Key[LaunchT_contra, ConfigT_contra]], config: ConfigT_contra) -> None:
    """Refuse a configuration that OpenRLHF would run differently from what it says.

    Raises:
        ConfigError: Every key whose value cannot be carried, with the reason and what to do instead.
    """
    refused = [f"{name}={_shown(config, name)} ({key.why})" for name, key in keys.items() if key.is_refused(config)]
    if refused:
        raise ConfigError(f"engine=openrlhf cannot carry {'; nor '.join(refused)}")


def flag_words(
    keys: Mapping[str, Key[LaunchT_contra, ConfigT_contra]],
    always: Mapping[str, Always[LaunchT_contra]],
    launch: LaunchT_contra,
) -> list[str]:
    """Return the words of every flag that the keys and the fixed settings give."""
    flags = [pair for key in keys.values() for pair in key.flags.items()]
    flags += [(flag, fixed.value) for flag, fixed in always.items()]
    return [word for flag, value in flags for word in words(flag, value(launch))]


def owners(
    keys: Mapping[str, Key[LaunchT_contra, ConfigT_contra]], always: Mapping[str, Always[LaunchT_contra]]
) -> dict[str, str]:
    """Return for every flag that `openrlhf.extra` may not give the words that say what sets it."""
    of_keys = {
        flag: f"is set by {name}; use that key"
        for name, key in keys.items()
        for flag in key.flags
        if flag not in key.left_to_extra
    }
    return of_keys | {flag: f"is set by twogrpo: {fixed.why}" for flag, fixed in always.items()}


def warmup_ratio(warmup_steps: int, updates: int) -> float:
    """Return the ratio that OpenRLHF, which takes ceil(updates x ratio), turns back into exactly `warmup_steps`."""
    # Half a step below the number, so that no rounding of the product passes a whole one.
    return max(0.0, warmup_steps - 0.5) / max(1, updates)


def _shown(config: RunConfig, name: str) -> str:
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
