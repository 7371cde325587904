"""Token ids of rollouts that were stored as text alone, such as those that another program has logged.

The prompt is rendered as the configuration says, the response is tokenised by itself, and the end token follows where
the response was not cut. Text that was sampled as other tokens than the tokenizer makes of it cannot be told from it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twogrpo.errors import DataError
from twogrpo.models import load_tokenizer
from twogrpo.prompt_files import PromptRow
from twogrpo.prompts import PromptSet

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from transformers import PreTrainedTokenizerBase

    from twogrpo.config import DpoConfig

__all__ = ["PairText"]

_CUT = "length"
_SLICE = 4096


@dataclass(frozen=True)
class PairText:
    """Makes token ids of text; the tokenizer is loaded when the first one is asked for.

    Attributes:
        config: Says how prompts are rendered.
        tokenizer: Loads the model's.
    """

    config: "DpoConfig"
    tokenizer: "Callable[[], PreTrainedTokenizerBase]"

    @classmethod
    def of(cls, config: "DpoConfig") -> "PairText":
        """Return what makes token ids for a run."""
        return cls(config, lambda: load_tokenizer(config.model.path))

    def fill(self, rows: "pl.DataFrame") -> "pl.DataFrame":
        """Return rollouts with their null token ids filled in; ids that are stored stay as they are.

        Args:
            rows: Columns rollout_id, prompt_ids, response_ids, prompt, response and finish_reason.

        Raises:
            ConfigError: The configured template cannot be used.
            DataError: A rollout has neither ids nor text.
        """
        tokenizer = self.tokenizer()
        bare_prompts = rows["prompt_ids"].is_null()
        bare_responses = rows["response_ids"].is_null()
        prompts = self._prompts(rows.filter(bare_prompts), tokenizer)
        responses = _responses(rows.filter(bare_responses), tokenizer)
        return rows.with_columns(
            _filled(rows["prompt_ids"], bare_prompts, prompts), _filled(rows["response_ids"], bare_responses, responses)
        )

    def _prompts(self, rows: "pl.DataFrame", tokenizer: "PreTrainedTokenizerBase") -> "pl.Series":
        _refuse_nulls(rows, "prompt")
        if rows.is_empty():
            return _ids([])
        data = self.config.data
        # A prompt stands in both rollouts of a pair at least; it is tokenised once.
        wanted = [PromptRow(f"the prompt {text[:40]!r}", text, (), "") for text in rows["prompt"].unique()]
        made = PromptSet.of_rows(wanted, tokenizer, system=data.system, suffix=data.suffix, template=data.template)
        ids = {prompt.text: list(prompt.token_ids) for prompt in made.prompts}
        return _ids([ids[text] for text in rows["prompt"]])


def _responses(rows: "pl.DataFrame", tokenizer: "PreTrainedTokenizerBase") -> "pl.Series":
    import polars as pl

    _refuse_nulls(rows, "response")
    # Lists of Python take ten times what is kept; only one slice's exist at once.
    slices = [_ids(_encoded(part, tokenizer)) for part in rows.iter_slices(_SLICE)]
    return pl.concat([_ids([]), *slices])


def _encoded(rows: "pl.DataFrame", tokenizer: "PreTrainedTokenizerBase") -> list[list[int]]:
    encoded = tokenizer(rows["response"].to_list(), add_special_tokens=False)["input_ids"]
    end = tokenizer.eos_token_id
    made = []
    for ids, reason in zip(encoded, rows["finish_reason"], strict=True):
        is_open = reason != _CUT and end is not None and ids[-1:] != [end]
        made.append([*ids, end] if is_open else list(ids))
    return made


def _ids(values: list[list[int]]) -> "pl.Series":
    import polars as pl

    return pl.Series(values, dtype=pl.List(pl.Int32))


def _filled(column: "pl.Series", is_bare: "pl.Series", made: "pl.Series") -> "pl.Series":
    import polars as pl

    places = pl.concat([(~is_bare).arg_true(), is_bare.arg_true()])
    return pl.concat([column.drop_nulls(), made.alias(column.name)]).gather(places.arg_sort())


def _refuse_nulls(rows: "pl.DataFrame", name: str) -> None:
    bare = rows.filter(rows[name].is_null())
    if not bare.is_empty():
        raise DataError(
            f"rollout {bare['rollout_id'][0]} and {len(bare) - 1} others have neither token ids nor text as their "
            f"{name}; dpo trains on one of them"
        )
