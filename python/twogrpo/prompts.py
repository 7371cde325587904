"""Prompt sets: problems with gold answers from JSONL or Parquet, rendered, tokenised, and drawn in a seeded order.

A problem keeps its text as it stands in the data; suffix, system message and chat template show only in its token
ids. Nothing here samples or scores.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from twogrpo._core import prompt_id
from twogrpo.errors import ConfigError, DataError
from twogrpo.prompt_files import PromptRow, read_prompt_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Draw", "Prompt", "PromptOrder", "PromptSet", "draw"]


@dataclass(frozen=True)
class Prompt:
    """A problem, ready to be sampled from."""

    text: str
    """The problem as in the data, before system message, suffix and template."""
    golds: tuple[str, ...]
    """Acceptable answers, at least one."""
    dataset: str
    """The row's `dataset`, else the name of its file without the ending."""
    prompt_id: str
    """Hex of xxh3-128 over dataset, U+001F and text: the same wherever the problem occurs."""
    token_ids: tuple[int, ...]
    """What the model is given."""


@dataclass(frozen=True)
class Draw:
    """A prompt at its place in a run's sequence of draws; its rollouts form the group of that number."""

    group_id: int
    prompt: Prompt


@dataclass(frozen=True)
class PromptSet:
    """The prompts of one file, in the order of its rows; never empty."""

    prompts: tuple[Prompt, ...]

    def __len__(self) -> int:
        return len(self.prompts)

    def __getitem__(self, index: int) -> Prompt:
        return self.prompts[index]

    @classmethod
    def load(
        cls,
        path: Path | str,
        tokenizer: "PreTrainedTokenizerBase",
        *,
        prompt_column: str | None = None,
        gold_column: str | None = None,
        system: str | None = None,
        suffix: str | None = None,
        template: Literal["chat", "none"] = "chat",
        max_prompt_tokens: int | None = None,
    ) -> "PromptSet":
        """Read and tokenise the problems of a file.

        Args:
            path: A .jsonl or .parquet file, a problem a row. A gold answer is a string, a number or a list of either.
            tokenizer: The model's tokenizer.
            prompt_column: Column of the problem; by default the first present of problem, question, prompt.
            gold_column: Column of the gold answer; `answer` by default.
            system: System message before every problem; needs a chat template.
            suffix: Appended to every problem as it is, a leading blank or newline included.
            template: `chat` renders the tokenizer's chat template up to the answer's beginning; `none` tokenises the
                bare text with the special tokens that the tokenizer itself adds.
            max_prompt_tokens: Longest prompt allowed.

        Raises:
            ConfigError: If the template cannot be used, or a column is named that is not there.
            DataError: If the file is missing or empty, or a row is unusable or too long.
        """
        rows = read_prompt_rows(Path(path), prompt_column=prompt_column, gold_column=gold_column)
        return cls.of_rows(
            rows, tokenizer, system=system, suffix=suffix, template=template, max_prompt_tokens=max_prompt_tokens
        )

    @classmethod
    def of_rows(
        cls,
        rows: Sequence[PromptRow],
        tokenizer: "PreTrainedTokenizerBase",
        *,
        system: str | None = None,
        suffix: str | None = None,
        template: Literal["chat", "none"] = "chat",
        max_prompt_tokens: int | None = None,
    ) -> "PromptSet":
        """Tokenise problems that have been read; the arguments and errors are those of `load`."""
        texts = [row.text + (suffix or "") for row in rows]
        if template == "chat":
            ids = _chat_ids(tokenizer, texts, system)
        elif template == "none":
            ids = _bare_ids(tokenizer, texts, system)
        else:
            raise ConfigError(f"data.template={template!r} is unknown; use chat or none")
        for row, row_ids in zip(rows, ids, strict=True):
            _check_length(row, len(row_ids), max_prompt_tokens)
        return cls(tuple(_prompt(row, row_ids) for row, row_ids in zip(rows, ids, strict=True)))


class PromptOrder:
    """A permutation of the prompts for each epoch, decided by the seed; its only state is the caller's cursor."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._epoch = -1
        self._permutation: list[int] = []

    def at(self, cursor: int) -> int:
        """Return the index of the prompt at a cursor, the number of draws before it; any cursor, in any order."""
        epoch, offset = divmod(cursor, self._size)
        if epoch != self._epoch:
            rng = random.Random(f"prompt order {self._seed} {epoch}")
            # Of Python's generator only random() is promised to stay the same between versions, shuffle() is not.
            keys = [rng.random() for _ in range(self._size)]
            self._permutation = sorted(range(self._size), key=keys.__getitem__)
            self._epoch = epoch
        return self._permutation[offset]


def draw(prompts: PromptSet, order: PromptOrder, cursor: int, count: int) -> list[Draw]:
    """Return the prompts at the cursor and after it; the group_id of a draw is its cursor, unique in the run."""
    return [Draw(position, prompts[order.at(position)]) for position in range(cursor, cursor + count)]


def _prompt(row: PromptRow, token_ids: Sequence[int]) -> Prompt:
    return Prompt(row.text, row.golds, row.dataset, prompt_id(row.dataset, row.text), tuple(token_ids))


def _chat_ids(tokenizer: "PreTrainedTokenizerBase", texts: list[str], system: str | None) -> list[list[int]]:
    if not tokenizer.chat_template:
        raise ConfigError(
            f"data.template=chat, but the tokenizer of {tokenizer.name_or_path or 'the model'} has no chat template; "
            "set data.template=none, or use a model that was made for chat"
        )
    opening = [] if system is None else [{"role": "system", "content": system}]
    rendered = [_render(tokenizer, [*opening, {"role": "user", "content": text}]) for text in texts]
    # The template writes the special tokens itself; adding them again would give two beginnings.
    return _ids(tokenizer(rendered, add_special_tokens=False))


def _render(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]]) -> str:
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    except TemplateError as error:
        roles = " and ".join(message["role"] for message in messages)
        raise ConfigError(
            f"the chat template of {tokenizer.name_or_path or 'the model'} refuses {roles} messages: {error}; "
            "leave out data.system, or set data.template=none"
        ) from error


def _bare_ids(tokenizer: "PreTrainedTokenizerBase", texts: list[str], system: str | None) -> list[list[int]]:
    if system is not None:
        raise ConfigError("data.system needs a chat template, but data.template=none; put the text into data.suffix")
    return _ids(tokenizer(texts))


def _ids(encoded: Any) -> list[list[int]]:  # noqa: ANN401  # a BatchEncoding, untyped
    return [list(row_ids) for row_ids in encoded["input_ids"]]


def _check_length(row: PromptRow, tokens: int, limit: int | None) -> None:
    if limit is not None and tokens > limit:
        raise DataError(
            f"{row.place}: the prompt has {tokens} tokens, more than data.max_prompt_tokens={limit}; "
            "raise the limit or take the row out"
        )
    if tokens == 0:
        raise DataError(f"{row.place}: the prompt has no tokens; take the row out")
