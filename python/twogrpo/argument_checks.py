"""Checks of arguments for the Rust core, which would answer a wrong type or too large a number in its own words."""

from numbers import Integral, Real

from twogrpo.errors import ConfigError

__all__ = ["check_number", "check_type", "check_whole"]

# Python refuses to write out numbers of thousands of digits.
_MOST_BITS_SHOWN = 128


def check_whole(name: str, value: object, *, least: int, most: int, otherwise: str = "") -> None:
    """Raise ConfigError unless a value is a whole number in its range.

    Args:
        name: What the caller calls it.
        value: What was given.
        least: Smallest allowed.
        most: Largest allowed.
        otherwise: What else is allowed, as the end of the message.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise _wrong_type(name, value, f"a whole number{otherwise}")
    if not least <= int(value) <= most:
        raise ConfigError(f"{name}={_shown(int(value))} is out of range; expected {least} to {_limit(most)}{otherwise}")


def check_number(name: str, value: object) -> None:
    """Raise ConfigError unless a value is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _wrong_type(name, value, "a number")
    try:
        float(value)
    except OverflowError as error:
        raise ConfigError(f"{name} is larger than any float; expected a finite number") from error


def check_type(name: str, value: object, kind: type, expected: str) -> None:
    """Raise ConfigError unless a value is of a type, which the message calls `expected`."""
    if not isinstance(value, kind):
        raise _wrong_type(name, value, expected)


def _wrong_type(name: str, value: object, expected: str) -> ConfigError:
    return ConfigError(f"{name} is of type {type(value).__name__}; expected {expected}")


def _shown(value: int) -> str:
    bits = value.bit_length()
    return str(value) if bits <= _MOST_BITS_SHOWN else f"(a number of {bits} bits)"


def _limit(most: int) -> str:
    bits = most.bit_length()
    return f"2^{bits} - 1" if most == 2**bits - 1 else f"{most:,}"
