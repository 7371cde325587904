"""Where each value of a configuration comes from: the layers that were laid over each other, and which of them won."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Generic, TypeVar

from twogrpo.config.difference import flat
from twogrpo.config.embedded import embedded_config
from twogrpo.config.load import merge, parse_overrides, read_yaml, validate
from twogrpo.config.reference import key_reference
from twogrpo.config.runs import DpoConfig, OnlineConfig
from twogrpo.config.section import RootSection

__all__ = ["Layer", "Resolved", "Setting", "resolve", "resolve_dpo", "resolve_online"]

Config = TypeVar("Config", bound=RootSection)

DEFAULT = "default"
COMMAND_LINE = "command line"
EMBEDDED = "embedded default"


@dataclass(frozen=True)
class Layer:
    """Nested values and the name of the place that they come from."""

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """One key of a resolved configuration."""

    key: str
    value: Any
    default: Any
    """`required` where there is none."""
    origin: str
    """`default`, `embedded default`, `preset NAME`, a file, `run FOLDER` or `command line`."""

    @property
    def is_default(self) -> bool:
        """Whether the value is the default, wherever it was said."""
        return bool(self.value == self.default)


@dataclass(frozen=True)
class Resolved(Generic[Config]):
    """A validated configuration with the origin of every key."""

    config: Config
    settings: tuple[Setting, ...]


def resolve(model: type[Config], layers: Sequence[Layer]) -> Resolved[Config]:
    """Return the configuration of layers, each laid over those before it.

    Raises:
        ConfigError: An unknown key or a wrong value; the message names it.
    """
    empty: dict[str, Any] = {}
    values = reduce(merge, (layer.values for layer in layers), empty)
    # Beside other layers the file is not named: the wrong key may stand in any, and the message names the key.
    given = [layer.origin for layer in layers if layer.values]
    config = validate(model, values, source=given[0] if len(given) == 1 and given[0] != COMMAND_LINE else None)
    preset = getattr(config, "preset", None)
    below = [Layer(f"preset {preset}", model.presets()[preset])] if preset is not None else []
    return Resolved(config, tuple(_settings(config, [*below, *layers])))


def resolve_online(path: Path | None, overrides: Sequence[str]) -> Resolved[OnlineConfig]:
    """Return the configuration of an online run as the command line gives it.

    Without a file and without a model, the keys are laid over the embedded default; its learning rate and lengths
    would be wrong for any other model.

    Args:
        path: YAML file, if one is named.
        overrides: Strings such as `rollout.group_size=4`.

    Raises:
        ConfigError: An unreadable file, an unknown key or a wrong value.
    """
    typed = Layer(COMMAND_LINE, parse_overrides(overrides))
    if path is not None:
        return resolve(OnlineConfig, [Layer(str(path), read_yaml(path)), typed])
    if any(word.startswith("model.path=") for word in overrides):
        return resolve(OnlineConfig, [typed])
    return resolve(OnlineConfig, [Layer(EMBEDDED, read_yaml(embedded_config("online"))), typed])


def resolve_dpo(
    taken: Mapping[str, Any], origin: str, path: Path | None, overrides: Sequence[str], *, is_tiny: bool
) -> Resolved[DpoConfig]:
    """Return the configuration of a dpo run as the command line gives it.

    Args:
        taken: What is taken over from the online run; see `DpoConfig.taken_from`.
        origin: What to call that run.
        path: YAML file, if one is named.
        overrides: Strings such as `dpo.beta=0.2`.
        is_tiny: The online run trained the embedded model, for which the embedded dpo settings hold.

    Raises:
        ConfigError: An unreadable file, an unknown key or a wrong value.
    """
    layers = [Layer(origin, taken)]
    if is_tiny:
        layers.append(Layer(EMBEDDED, read_yaml(embedded_config("dpo"))))
    if path is not None:
        layers.append(Layer(str(path), read_yaml(path)))
    return resolve(DpoConfig, [*layers, Layer(COMMAND_LINE, parse_overrides(overrides))])


def _settings(config: RootSection, layers: Sequence[Layer]) -> list[Setting]:
    values = flat(config.model_dump(mode="json"))
    given = [(layer.origin, flat(layer.values)) for layer in reversed(layers)]
    return [
        Setting(
            key=each.key,
            value=values[each.key],
            default=list(each.default) if isinstance(each.default, tuple) else each.default,
            origin=next((origin for origin, keys in given if each.key in keys), DEFAULT),
        )
        for each in key_reference(type(config))
    ]
