"""Tables to append from inside other trainers: batches as they have them, made into rows of the store.

Any table with the store's minimal columns can be appended as well; what is done here is what trainers lack: group ids,
and text where they have messages.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twogrpo import _core
from twogrpo.errors import DataError
from twogrpo.prompt_files import answer_text
from twogrpo.rollouts.group_ids import Grouper, group_id
from twogrpo.row_files import checked_text, kind_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["rollout_table"]


def rollout_table(
    prompts: Iterable[Any],
    responses: Iterable[Any],
    rewards: Iterable[float | None],
    *,
    step: int,
    group_size: int | None = None,
    first_row: int = 0,
    groups: Iterable[Hashable] | None = None,
    golds: Iterable[Any] | None = None,
    **columns: Iterable[Any],
) -> "pl.DataFrame":
    """Return a batch as a table for `RolloutStore.append`.

    Args:
        prompts: Texts, or conversations, of which the user's last message is the problem.
        responses: Texts, or conversations, of which the assistant's last message is the response.
        rewards: Numbers; None or NaN where scoring failed.
        step: Step of the optimizer; group ids are made of it and of the group's place in the step.
        group_size: So many rows that follow each other are a group, first_row being the first row's place in the step.
        first_row: Rows of this step before this table, in other processes.
        groups: What tells the groups of the step apart, instead of a size. All rows of the step stand in this table.
        golds: Right answers, or lists of acceptable ones; None where there is none.
        columns: Further columns of schema v1, such as response_ids, logprobs or finish_reason.

    Raises:
        DataError: The columns differ in length, a value is none that the store can hold, or the rows of a group have
            different prompts.
    """
    import polars as pl

    asked = [_said(prompt, "user", f"prompts[{row}]") for row, prompt in enumerate(prompts)]
    given: dict[str, list[Any]] = {
        "prompt": asked,
        "response": [_said(response, "assistant", f"responses[{row}]") for row, response in enumerate(responses)],
        "reward": [_reward(reward, row) for row, reward in enumerate(rewards)],
        **{name: [_plain(value) for value in column] for name, column in columns.items()},
    }
    if golds is not None:
        answers = [_golds(gold, row) for row, gold in enumerate(golds)]
        given |= {"gold": [next(iter(each), None) for each in answers]}
        given |= {"gold_alternatives": [each[1:] or None for each in answers]}
    keys = None if groups is None else list(groups)
    for name, column in (given if keys is None else given | {"groups": keys}).items():
        if len(column) != len(asked):
            raise DataError(f"{name} has {len(column)} values for {len(asked)} prompts; expected one a rollout")
    places = _places(asked, group_size, first_row, keys)
    given["group_id"] = [group_id(step, place) for place, _ in places]
    given["rollout_idx"] = [member for _, member in places]
    known = pl.DataFrame(_core.store_schema([])).schema
    return pl.DataFrame({name: _column(name, values, known.get(name)) for name, values in given.items()})


def _column(name: str, values: list[Any], kind: "pl.DataType | None") -> "pl.Series":
    import polars as pl

    try:
        return pl.Series(name, values, dtype=kind or pl.Float32())
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        found = " ".join(str(error).split())
        raise DataError(f"{name} cannot be stored as {kind or 'numbers'}: {found}") from error


def _places(
    prompts: Sequence[str], group_size: int | None, first_row: int, keys: Sequence[Hashable] | None
) -> list[tuple[int, int]]:
    """Return each row's group, by its place in the step, and its place in the group."""
    if (group_size is None) == (keys is None):
        raise DataError("expected either group_size or groups, to tell the groups of a step apart")
    if keys is not None:
        grouper = Grouper("key")
        return [grouper.add(prompt, key) for prompt, key in zip(prompts, keys, strict=True)]
    if group_size is None or group_size < 1:
        raise DataError(f"group_size={group_size} is out of range; expected at least 1")
    places = [divmod(row, group_size) for row in range(first_row, first_row + len(prompts))]
    for (before, _), (place, _), one, other in zip(places, places[1:], prompts, prompts[1:], strict=False):
        if before == place and one != other:
            raise DataError(f"group {place} of the step has two prompts; group_size={group_size} or the order is wrong")
    return places


def _said(value: object, role: str, what: str) -> str:
    """Return a text, or what a role has said last in a conversation."""
    value = _plain(value)
    if isinstance(value, str):
        return checked_text(what, value)
    messages = value if isinstance(value, list | tuple) else []
    said = [each.get("content") for each in messages if isinstance(each, Mapping) and each.get("role") == role]
    if not said:
        raise DataError(f"{what} is {kind_of(value)} without a message of the {role}; expected text or messages")
    # Content in blocks, as models of several modalities write it.
    blocks = said[-1] if isinstance(said[-1], list) else [{"text": said[-1] or ""}]
    return "".join(str(block.get("text", "")) for block in blocks)


def _reward(value: object, row: int) -> float | None:
    value = _plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, int | float):
        raise DataError(f"rewards[{row}] is {kind_of(value)}, expected a number, or None where scoring failed")
    return float(value)


def _golds(value: object, row: int) -> list[str]:
    value = _plain(value)
    values = value if isinstance(value, list | tuple) else [value]
    return [answer_text(f"golds[{row}]", each) for each in values if each is not None]


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever a trainer has
    """Return arrays and tensors as lists and numbers."""
    return value.tolist() if hasattr(value, "tolist") else value
