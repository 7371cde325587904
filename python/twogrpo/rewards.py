"""Rewards: the verifier, or a Python function of the user's, behind one protocol.

A failed score is None and is never replaced by a default: what a failure means for training is decided by the
trainer, which counts them. Nothing that a response says can make the verifier fail.
"""

import importlib.util
import inspect
import logging
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from twogrpo.errors import ConfigError
from twogrpo.prompts import Prompt

__all__ = ["CallableReward", "Reward", "RewardFunction", "Scores", "VerifierReward", "load_reward"]

_LARGEST_FLOAT32 = 3.4028234663852886e38
_LOG = logging.getLogger(__name__)

RewardFunction = Callable[..., Sequence[float | None]]
"""Called with `prompts: list[str]`, `responses: list[str]`, `golds: list[list[str]]`; one number or None a response."""


@dataclass(frozen=True)
class Scores:
    """Scores of a batch, one entry a response in every list."""

    rewards: list[float | None]
    """Finite; None if scoring failed."""
    correct: list[bool | None]
    """The verdict; None from a function that gives only numbers."""
    status: list[str | None]
    """The verifier's status; `error` where a function failed, None where it did not."""
    rule: list[str | None]
    """The equality rule that decided."""
    extracted: list[str | None]
    """The answer found in the response."""
    verifier: str
    """What scored: name@version:profile of the verifier, or the function."""
    error: str | None = None
    """Why scoring failed where it did, in one sentence; None where nothing failed."""


class Reward(Protocol):
    """Anything that scores responses."""

    name: str
    is_row_wise: bool
    """A row's score depends on that row alone, and may be computed in any thread."""

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Scores:
        """Return the scores of the responses, each to the prompt in the same place."""
        ...


class VerifierReward:
    """1 for a verified answer, 0 for anything else that a response can be, None for an unusable gold answer.

    Args:
        profile: The verifier's profile.
        extract: Extraction rules instead of the profile's.

    Raises:
        VerifyError: If there is no such profile or rule.
    """

    is_row_wise = True

    def __init__(self, profile: str = "rl", extract: Sequence[str] | None = None) -> None:
        from twogrpo.verifier import verifier_name

        self.name = verifier_name(profile, extract)
        self._profile = profile
        self._extract = extract

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Scores:
        """Return the verdicts of the responses on the prompts' gold answers."""
        from twogrpo.verifier import verify_batch

        golds = [list(prompt.golds) for prompt in prompts]
        table = verify_batch(list(responses), golds, profile=self._profile, extract=self._extract)
        verdicts = table.to_dict(as_series=False)
        failed = next((row for row, reward in enumerate(verdicts["reward"]) if reward is None), None)
        error = None
        if failed is not None:
            prompt = prompts[failed]
            error = f"{verdicts['status'][failed]} for the gold {list(prompt.golds)} of {prompt.text[:80]!r}"
        return Scores(
            rewards=verdicts["reward"],
            correct=verdicts["correct"],
            status=verdicts["status"],
            rule=verdicts["rule"],
            extracted=verdicts["extracted"],
            verifier=self.name,
            error=error,
        )


class CallableReward:
    """A function's numbers as rewards.

    A function that raises or exits, or does not return one number a response, fails every row of that call; a number
    that is not finite fails its row. The reason is logged and stands in `Scores.error`.

    Args:
        function: See `RewardFunction`.
        name: Under which its scores are stored.
    """

    # It may compare the rows of a batch, and limit its time by signals, which only the main thread receives.
    is_row_wise = False

    def __init__(self, function: RewardFunction, name: str) -> None:
        self.name = name
        self._function = function

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Scores:
        """Return the function's numbers for the responses."""
        rewards, reason = self._rewards(prompts, responses)
        error = None if reason is None else f"reward {self.name}: {reason}"
        if error is not None:
            _LOG.warning("%s", error)
        nothing: list[None] = [None] * len(rewards)
        return Scores(
            rewards=rewards,
            correct=[*nothing],
            status=["error" if reward is None else None for reward in rewards],
            rule=[*nothing],
            extracted=[*nothing],
            verifier=self.name,
            error=error,
        )

    def _rewards(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> tuple[list[float | None], str | None]:
        """Return the rewards, and why some of them failed."""
        nothing: list[float | None] = [None] * len(responses)
        try:
            returned = self._function(
                prompts=[prompt.text for prompt in prompts],
                responses=list(responses),
                golds=[list(prompt.golds) for prompt in prompts],
            )
            rewards = [None if value is None else _number(value) for value in returned]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever ends the function, its rows have failed and say why
            return nothing, _described(error)
        if len(rewards) != len(responses):
            return nothing, f"returned {len(rewards)} rewards for {len(responses)} responses"
        failed = [row for row, reward in enumerate(rewards) if reward is None or not _fits_float32(reward)]
        if not failed:
            return rewards, None
        more = f", and {len(failed) - 1} more failed" if len(failed) > 1 else ""
        reason = f"returned {rewards[failed[0]]} for response {failed[0]} of a batch of {len(rewards)}{more}"
        for row in failed:
            rewards[row] = None
        return rewards, reason


def load_reward(function: str | None, profile: str, extract: Sequence[str] | None = None) -> Reward:
    """Return the reward of a configuration.

    Args:
        function: `file.py:name` of a function as described by `RewardFunction`, or None for the verifier.
        profile: The verifier's profile; not used with a function.
        extract: Extraction rules instead of the profile's; not used with a function.

    Raises:
        ConfigError: If the function cannot be loaded, with the file, the name and the reason.
        VerifyError: If there is no such profile or rule.
    """
    if function is None:
        return VerifierReward(profile, extract)
    file, _, name = function.rpartition(":")
    if not file.endswith(".py") or not name:
        raise ConfigError(f"reward.function={function!r} is not of the form file.py:name")
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f"reward.function={function}: {path} is not a file; relative paths start at {Path.cwd()}")
    module = _imported(path, function)
    loaded = getattr(module, name, None)
    if not callable(loaded):
        found = ", ".join(sorted(_functions(module))) or "no function"
        problem = "is not callable" if hasattr(module, name) else "is not there"
        raise ConfigError(f"reward.function={function}: {name} {problem} in {path}; found {found}")
    return CallableReward(loaded, f"{path.name}:{name}")


def _fits_float32(reward: float) -> bool:
    """Return whether a reward stays finite in the store's and the trainer's float32."""
    return math.isfinite(reward) and abs(reward) <= _LARGEST_FLOAT32


def _described(error: BaseException) -> str:
    name, text = type(error).__name__, str(error)
    return f"{name}: {text}" if text else name


def _number(value: Any) -> float:  # noqa: ANN401  # whatever a user's function returns
    # float() would read text; a function that returns "1" has a mistake somewhere.
    if isinstance(value, str | bytes):
        raise TypeError(f"returned {value!r}, expected a number or None")
    return float(value)


def _imported(path: Path, function: str) -> ModuleType:
    module_name = f"_twogrpo_reward_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"reward.function={function}: {path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickling look a class's module up by name.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        del sys.modules[module_name]
        raise ConfigError(f"reward.function={function}: importing {path} failed with {_described(error)}") from error
    return module


def _functions(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in inspect.getmembers(module, inspect.isfunction)
        if value.__module__ == module.__name__ and not name.startswith("_")
    ]
