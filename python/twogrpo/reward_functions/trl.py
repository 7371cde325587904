r"""A reward function for TRL's trainers, in place of `trl.rewards.accuracy_reward`.

    from twogrpo.reward_functions.trl import AccuracyReward, accuracy_reward

    GRPOTrainer(reward_funcs=accuracy_reward, ...)  # gold answers in the column `solution`
    GRPOTrainer(reward_funcs=AccuracyReward("answer", profile="eval"), ...)

It is called from any thread, has no timeout because it needs none, and can be pickled.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from twogrpo.errors import ConfigError
from twogrpo.reward_functions.gold import gold_texts
from twogrpo.verifier import verify, verify_batch

__all__ = ["AccuracyReward", "Completion", "accuracy_reward"]

Completion: TypeAlias = str | Sequence[Mapping[str, object]]
"""What a model wrote: text, or the messages of a conversation."""

_LogExtra: TypeAlias = Callable[[str, list[object]], None]


class AccuracyReward:
    """1 for a completion whose answer is right, 0 for any other, None where the gold answer cannot be read.

    TRL leaves a row of None out of this reward.

    Args:
        gold_column: The data set's column of gold answers: each text, a number, or a list of acceptable ones.
        profile: As in `twogrpo.verify`.
        mode: As in `twogrpo.verify`; with `text` the gold may be a worked solution.

    Raises:
        VerifyError: If profile or mode is unknown.
    """

    def __init__(self, gold_column: str = "solution", *, profile: str = "rl", mode: str = "text") -> None:
        verify("", "", profile=profile, mode=mode)  # a wrong name is an error here, not after the first rollout
        # TRL names its metrics and the columns of its table by it.
        self.__name__ = "accuracy_reward"
        self._gold_column = gold_column
        self._profile = profile
        self._mode = mode

    def __call__(
        self, completions: Sequence[Completion], *, log_extra: _LogExtra | None = None, **columns: object
    ) -> list[float | None]:
        """Return the rewards of the completions, in their order.

        Args:
            completions: Texts or conversations; of these the last message of the assistant is judged.
            log_extra: TRL's, for columns of its table of completions: `extracted` and `status`.
            columns: The data set's columns, each with one entry a completion, and whatever else TRL hands over.

        Raises:
            ConfigError: If the column of gold answers is not there.
            DataError: If a gold answer is neither text nor a number nor a list of these.
        """
        solutions = columns.get(self._gold_column)
        if not isinstance(solutions, Sequence):
            found = ", ".join(name for name, column in columns.items() if isinstance(column, Sequence))
            raise ConfigError(f"the data set has no column {self._gold_column}; found {found}; name it in gold_column")
        golds = [gold_texts(gold, f"row {row} of {self._gold_column}") for row, gold in enumerate(solutions)]
        texts = [_text(completion) for completion in completions]
        verdicts = verify_batch(texts, golds, profile=self._profile, mode=self._mode)
        if log_extra is not None:
            log_extra("extracted", verdicts["extracted"].fill_null("").to_list())
            log_extra("status", verdicts["status"].to_list())
        rewards: list[float | None] = verdicts["reward"].to_list()
        return rewards


def accuracy_reward(
    completions: Sequence[Completion],
    solution: Sequence[object],
    log_extra: _LogExtra | None = None,
    **columns: object,  # noqa: ARG001  # TRL hands over all it has
) -> list[float | None]:
    """Return what `AccuracyReward()` returns: the profile is `rl` and the gold answers stand in `solution`."""
    return _ACCURACY(completions, log_extra=log_extra, solution=solution)


_ACCURACY = AccuracyReward()


def _text(completion: Completion) -> str:
    """Return what the model wrote last; what a tool or a user said is not judged."""
    if isinstance(completion, str):
        return completion
    said = [message for message in completion if message.get("role", "assistant") == "assistant"]
    content = said[-1].get("content") if said else None
    if isinstance(content, str):
        return content
    # Content in blocks, as models of several modalities write it; none in a call of a tool.
    blocks = content if isinstance(content, Sequence) else ()
    return "".join(str(block["text"]) for block in blocks if isinstance(block, Mapping) and "text" in block)
