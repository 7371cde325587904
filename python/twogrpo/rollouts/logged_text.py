"""Prompts and responses of logged rows: text as it stands, or the messages of a conversation."""

from collections.abc import Iterator, Mapping
from typing import Any

from twogrpo.errors import DataError
from twogrpo.row_files import Row, checked_text, kind_of, text_of

__all__ = ["asked_in", "written_in"]


def asked_in(row: Row, column: str) -> tuple[str, str | None, bool]:
    """Return the problem, the system message, and whether these stood in messages.

    Raises:
        DataError: The column holds neither text nor one message of the user, behind a system message at most.
    """
    value = row.values.get(column)
    if not isinstance(value, list):
        return text_of(row, column), None, False
    messages = list(_messages(row, column, value))
    roles = [role for role, _ in messages]
    if roles not in (["user"], ["system", "user"]):
        raise DataError(
            f"{row.place}: {column} has messages of {', '.join(roles) or 'nobody'}; expected one of the user, behind a "
            "system message at most; log the rendered text instead and give data.template=none"
        )
    return messages[-1][1], messages[0][1] if len(messages) > 1 else None, True


def written_in(row: Row, column: str) -> str:
    """Return the response.

    Raises:
        DataError: The column holds neither text nor one message of the assistant.
    """
    value = row.values.get(column)
    if not isinstance(value, list):
        return text_of(row, column)
    messages = list(_messages(row, column, value))
    if [role for role, _ in messages] != ["assistant"]:
        roles = ", ".join(role for role, _ in messages) or "nobody"
        raise DataError(f"{row.place}: {column} has messages of {roles}; expected one of the assistant")
    return messages[0][1]


def _messages(row: Row, column: str, value: list[Any]) -> Iterator[tuple[str, str]]:
    for number, message in enumerate(value, start=1):
        what = f"{row.place}: message {number} of {column}"
        if not isinstance(message, Mapping):
            raise DataError(f"{what} is {kind_of(message)}, expected an object with role and content")
        yield (
            checked_text(f"{what}, role", message.get("role")),
            checked_text(f"{what}, content", message.get("content")),
        )
