"""Rows that another program has logged, read as rollouts: TRL's tables of completions, verl's dumps, plain rows.

A row is refused with its file and line where it lacks what a rollout must have. What the store has no column for is
kept as JSON in `extra`; who wrote a row and when is not, as the import is another run.
"""

import json
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twogrpo.config.imported import Source
from twogrpo.errors import ConfigError, DataError
from twogrpo.prompt_files import golds_of
from twogrpo.rollouts.logged_columns import read_columns
from twogrpo.rollouts.logged_text import asked_in, written_in
from twogrpo.row_files import Row, kind_of

__all__ = ["ColumnNames", "LoggedRollout", "LoggedRows", "source_of"]

_PLAIN_PROMPTS = ("prompt", "problem", "question")
_PLAIN_RESPONSES = ("response", "completion", "output")
_PLAIN_GOLDS = ("gold", "answer", "solution")
_PLAIN_GROUPS = ("group_id", "group")
# Of another run, or told by the places of the rows.
_LEFT_OUT = {"run_id", "run", "writer", "phase", "attempt", "rollout_id", "rollout_idx", "created_at", "is_superseded"}
_STEPS = 2**31
_FLOAT32_MAX = 3.4028234e38


@dataclass(frozen=True)
class ColumnNames:
    """Columns that the user has named; None for what the source's own names are.

    Attributes:
        prompt: The problem: text, or messages.
        response: What the model has written: text, or messages.
        gold: The right answer, or a list of acceptable ones.
        rewards: Columns of rewards with their weights: the reward is their sum.
        group: Rows of one value and step are a group.
        step: Step of the optimizer.
    """

    prompt: str | None = None
    response: str | None = None
    gold: str | None = None
    rewards: Mapping[str, float] = field(default_factory=dict)
    group: str | None = None
    step: str | None = None


@dataclass(frozen=True)
class LoggedRollout:
    """One row as a rollout; `columns` are further ones of schema v1."""

    place: str
    step: int | None
    key: Hashable
    prompt: str
    system: str | None
    is_chat: bool
    response: str
    golds: tuple[str, ...]
    is_scored: bool
    reward: float | None
    columns: Mapping[str, Any]


def source_of(row: Row) -> Source:
    """Return what has logged a row, by its columns."""
    names = row.values.keys()
    if {"step", "prompt", "completion", "advantage"} <= names:
        return "trl"
    return "verl" if {"input", "output", "score"} <= names else "plain"


class LoggedRows:
    """Reads the rows of files whose columns are those of the first row.

    Args:
        first: The first row.
        source: What has logged the rows.
        names: Columns that the user has named.

    Raises:
        ConfigError: A column that is named, or without which there is no rollout, is not there.
    """

    def __init__(self, first: Row, source: Source, names: ColumnNames) -> None:
        self._first = first
        given = {
            "trl": (("prompt",), ("completion",), (), ("step",), ()),
            "verl": (("input",), ("output",), ("gts",), ("step",), ("uid",)),
            "plain": (_PLAIN_PROMPTS, _PLAIN_RESPONSES, _PLAIN_GOLDS, ("step",), _PLAIN_GROUPS),
        }
        prompts, responses, golds, steps, groups = given[source]
        self._prompt = self._needed("prompt", names.prompt, prompts)
        self._response = self._needed("response", names.response, responses)
        self._gold = self._optional("gold", names.gold, golds) or "answer"
        self._step = self._optional("step", names.step, steps)
        self._group = self._optional("group", names.group, groups)
        # Rows are told apart by these, so that one row must not have what the first lacks.
        self._absent = [*(() if self._step else steps), *(() if self._group else groups)]
        self._is_uid = source == "verl" and names.group is None
        for name in names.rewards:
            self._check(f"--reward {name}", name)
        self.rewards = dict(names.rewards) or self._own_rewards(source)
        self.has_key = self._group is not None
        used = {self._prompt, self._response, self._gold, self._step, self._group}
        self._used = {name for name in used if name} | set(self.rewards) | _LEFT_OUT

    def read(self, row: Row) -> LoggedRollout:
        """Return a row as a rollout.

        Raises:
            DataError: Something in it is missing or of another type.
        """
        late = next((name for name in self._absent if row.values.get(name) is not None), None)
        if late is not None:
            raise DataError(f"{row.place}: {late}, which the first row ({self._first.place}) lacks; give all rows one")
        prompt, system, is_chat = asked_in(row, self._prompt)
        golds = self._golds(row)
        is_scored, reward, scores = self._reward(row)
        if not is_scored and not golds:
            raise DataError(
                f"{row.place}: neither a reward nor a gold answer; name their columns: --reward, --column gold=..."
            )
        rest = {name: value for name, value in row.values.items() if name not in self._used and value is not None}
        columns, extra = read_columns(row.place, rest)
        if extra:
            columns["extra"] = json.dumps(extra, ensure_ascii=False, default=str)
        return LoggedRollout(
            place=row.place,
            step=self._step_of(row),
            key=self._key(row),
            prompt=prompt,
            system=system,
            is_chat=is_chat,
            response=written_in(row, self._response),
            golds=golds,
            is_scored=is_scored,
            reward=reward,
            columns=columns | scores,
        )

    def _check(self, option: str, name: str) -> None:
        if name not in self._first.values:
            found = ", ".join(self._first.values)
            raise ConfigError(f"{option}: {self._first.place} has no such column; found {found}")

    def _found(self, names: tuple[str, ...]) -> str | None:
        return next((name for name in names if name in self._first.values), None)

    def _optional(self, what: str, named: str | None, own: tuple[str, ...]) -> str | None:
        if named is not None:
            self._check(f"--column {what}={named}", named)
        return named or self._found(own)

    def _needed(self, what: str, named: str | None, own: tuple[str, ...]) -> str:
        name = self._optional(what, named, own)
        if name is None:
            found = ", ".join(self._first.values) or "none"
            raise ConfigError(
                f"{self._first.place} has no column {' or '.join(own)}; found {found}; name it: --column {what}=..."
            )
        return name

    def _own_rewards(self, source: Source) -> dict[str, float]:
        if source != "trl":
            found = self._found(("score",) if source == "verl" else ("reward", "score"))
            return {found or "reward": 1.0}
        # Between the completion and the advantage stand TRL's reward functions, then what they have logged.
        names = [name for name in self._first.values if name not in {"step", "prompt", "completion", "advantage"}]
        numbers = [name for name in names if isinstance(self._first.values[name], float)]
        if len(numbers) > 1:
            raise ConfigError(
                f"{self._first.place} has several columns of numbers: {', '.join(numbers)}; name the rewards and their "
                f"weights, such as --reward {numbers[0]} --reward {numbers[1]}=0.5"
            )
        return dict.fromkeys(numbers, 1.0)

    def _golds(self, row: Row) -> tuple[str, ...]:
        if row.values.get(self._gold) is None:
            return ()
        golds = golds_of(row, self._gold)
        more = row.values.get("gold_alternatives")
        return golds if self._gold != "gold" or not more else (*golds, *golds_of(row, "gold_alternatives"))

    def _reward(self, row: Row) -> tuple[bool, float | None, dict[str, float | None]]:
        """Return whether the row says a reward, the reward, None where scoring failed, and the scores it is made of."""
        given = {name: weight for name, weight in self.rewards.items() if name in row.values}
        if not given:
            return False, None, {}
        scores = {name: _number(row, name) for name in given}
        parts = [score * given[name] for name, score in scores.items() if score is not None]
        columns = {_score_name(name): score for name, score in scores.items()} if len(self.rewards) > 1 else {}
        # As TRL sums them: a score that failed is left out, and all of them failed is a failure.
        return True, sum(parts) if parts else None, columns

    def _step_of(self, row: Row) -> int | None:
        if self._step is None:
            return None
        value = row.values.get(self._step)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not 0 <= value < _STEPS:  # type: ignore[operator]  # an int by the first part
            found = kind_of(value)
            raise DataError(f"{row.place}: {self._step} is {found}, expected the optimizer's step, 0 to 2^31 - 1")
        return value

    def _key(self, row: Row) -> Hashable:
        if self._group is None:
            return None
        value = row.values.get(self._group)
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise DataError(f"{row.place}: {self._group} is {kind_of(value)}, expected text or a whole number")
        # verl's is `<prompt>_<rollout>_<output>`.
        parts = str(value).rsplit("_", 2)
        return parts[0] if self._is_uid and len(parts) == len(("prompt", "rollout", "output")) else value


def _number(row: Row, column: str) -> float | None:
    value = row.values[column]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _FLOAT32_MAX:
        raise DataError(f"{row.place}: {column} is {kind_of(value)}, expected a number that float32 holds, or null")
    return float(value)


def _score_name(column: str) -> str:
    """Return the store's column for one of several rewards."""
    bare = column.removeprefix("reward_")
    return "reward_" + "".join(char if char.isascii() and (char.isalnum() or char == "_") else "_" for char in bare)
