"""The problem inside a prompt that was decoded without its special tokens, as verl dumps it.

What a chat template writes around the problem is still there as text, and the special tokens are not: tokenised again
it would be another prompt. The template itself tells what stands before and behind.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from twogrpo.errors import ConfigError

__all__ = ["ChatTokenizer", "PromptFrame"]

# Plain letters, which no tokenizer joins with what stands around them in another way than it decodes them.
_MARK = "XproblemX"


class ChatTokenizer(Protocol):
    """What renders and decodes prompts, as a tokenizer of transformers does."""

    chat_template: Any
    name_or_path: str

    def apply_chat_template(self, conversation: Any, *, tokenize: bool, add_generation_prompt: bool) -> Any:  # noqa: ANN401
        """Return the rendered text."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Return token ids."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> Any:  # noqa: ANN401
        """Return text."""


@dataclass(frozen=True)
class PromptFrame:
    """What a chat template writes before and behind a problem, special tokens left out."""

    before: str
    behind: str

    @classmethod
    def of(cls, tokenizer: ChatTokenizer, system: str | None) -> "PromptFrame":
        """Return the frame of a tokenizer's template.

        Raises:
            ConfigError: There is no template, or it does not write the problem as it stands.
        """
        if not tokenizer.chat_template:
            raise ConfigError(f"{tokenizer.name_or_path} has no chat template; give data.template=none")
        opening = [] if system is None else [{"role": "system", "content": system}]
        messages = [*opening, {"role": "user", "content": _MARK}]
        rendered = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        text = str(tokenizer.decode(tokenizer.encode(rendered, add_special_tokens=False), skip_special_tokens=True))
        before, found, behind = text.partition(_MARK)
        if not found:
            raise ConfigError(
                f"the chat template of {tokenizer.name_or_path} hides the problem; give data.template=none"
            )
        return cls(before, behind)

    def problem(self, text: str) -> str | None:
        """Return the problem in a decoded prompt, None where the text is not in this frame."""
        size = len(text) - len(self.before) - len(self.behind)
        if size < 0 or not text.startswith(self.before) or not text.endswith(self.behind):
            return None
        return text[len(self.before) : len(self.before) + size]
