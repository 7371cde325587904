"""The exceptions of twogrpo: one tree, each also the built-in that it specialises.

The Rust core raises these same classes. Every message says what is wrong, where, what was found, what was expected
and what to do; the command line prints it as one line and exits with `exit_code`.
"""

__all__ = ["ConfigError", "DataError", "EngineError", "StoreError", "TrainingError", "TwoGrpoError", "VerifyError"]


class TwoGrpoError(Exception):
    """The root of every error that twogrpo raises on purpose."""

    exit_code = 4


class ConfigError(TwoGrpoError, ValueError):
    """A key, value or combination of keys in a configuration is wrong."""

    exit_code = 2


class DataError(TwoGrpoError, ValueError):
    """A data file, row or array is not what it has to be."""

    exit_code = 3


class StoreError(TwoGrpoError, OSError):
    """A rollout store cannot be read or written, or refuses a conflicting write."""

    exit_code = 4


class VerifyError(TwoGrpoError, ValueError):
    """The verifier was asked with unusable arguments, such as an unknown profile."""

    exit_code = 2


class TrainingError(TwoGrpoError, RuntimeError):
    """Training cannot go on: too many failed rewards, a non-finite loss, a lost checkpoint."""

    exit_code = 4


class EngineError(TwoGrpoError, ImportError):
    """A package, device or extra that the chosen engine needs is not there."""

    exit_code = 4
