"""Preference data from stored pairs: the columns prompt, chosen and rejected that other trainers read.

A prompt is what the policy was asked, with system message and suffix, and not the bare problem of the data set. What
text cannot carry is lost: other trainers tokenise it again, end every response with an end token, a cut one included,
and render the template anew. The ids that were sampled are further columns, on request.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from twogrpo.errors import ConfigError, DataError
from twogrpo.pair_rollouts import pair_rollouts

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.store import RolloutStore

__all__ = ["Asked", "Form", "TextTokenizer", "scan_preferences"]

Form = Literal["conversational", "standard"]


class TextTokenizer(Protocol):
    """What turns stored token ids back into text, as a tokenizer of transformers does."""

    def batch_decode(self, sequences: list[list[int]], *, skip_special_tokens: bool) -> list[str]:
        """Return one text a sequence."""


@dataclass(frozen=True)
class Asked:
    """How a run put its problems to the policy: the keys of its section `data`.

    Attributes:
        template: `chat` if the tokenizer's chat template was rendered, `none` if the bare text was tokenised.
        system: System message before every problem.
        suffix: Text after every problem.
    """

    template: Literal["chat", "none"]
    system: str | None = None
    suffix: str | None = None

    @property
    def form(self) -> Form:
        """The form that another trainer makes the same prompts of."""
        return "conversational" if self.template == "chat" else "standard"


def scan_preferences(
    store: "RolloutStore",
    pairs: "pl.DataFrame",
    asked: Asked,
    *,
    form: Form | None = None,
    tokenizer: TextTokenizer | None = None,
    with_ids: bool = False,
) -> "pl.LazyFrame":
    """Return one row a pair with the columns prompt, chosen and rejected, in the order of the store.

    Read in batches, one segment of the store at a time: `sink_parquet` and `sink_ndjson` write any number of pairs.

    Args:
        store: Where the rollouts are.
        pairs: What `build_pairs` returns.
        asked: How the run put its problems to the policy.
        form: `conversational` gives lists of messages, to be rendered with the chat template; `standard` gives text,
            the prompt as it was rendered. By default the form of `asked`.
        tokenizer: The policy's; needed for rendered prompts, and for responses whose text was not stored.
        with_ids: Add prompt_ids, chosen_ids and rejected_ids, as they were sampled.

    Raises:
        ConfigError: The form does not fit the template, or the tokenizer is missing; raised before anything is read.
        DataError: A rollout lacks what its text is made from; raised while rows are read.
    """
    from polars.io.plugins import register_io_source

    form = form or asked.form
    if form == "conversational" and asked.template == "none":
        raise ConfigError(
            "the run asked in bare text (data.template=none), which messages would not reproduce; "
            "use the standard form, or set data.template=chat to export messages all the same"
        )
    if form == "standard" and asked.template == "chat" and tokenizer is None:
        raise ConfigError("the standard form of prompts that a chat template rendered needs the policy's tokenizer")

    def rows(
        columns: list[str] | None, predicate: "pl.Expr | None", count: int | None, _batch_size: int | None
    ) -> Iterator["pl.DataFrame"]:
        left = count
        for part in pair_rollouts(store, pairs):
            frame = _preferences(part, asked, form, tokenizer, with_ids=with_ids)
            frame = frame if predicate is None else frame.filter(predicate)
            frame = frame if columns is None else frame.select(columns)
            yield frame if left is None else frame.head(left)
            left = None if left is None else left - frame.height
            if left is not None and left <= 0:
                return

    return register_io_source(rows, schema=_schema(form, with_ids=with_ids))


def _preferences(
    part: "pl.DataFrame", asked: Asked, form: Form, tokenizer: TextTokenizer | None, *, with_ids: bool
) -> "pl.DataFrame":
    import polars as pl

    frame = part.with_columns(
        _prompts(part, asked, form, tokenizer),
        _responses(part, "chosen", tokenizer),
        _responses(part, "rejected", tokenizer),
    )
    if form == "conversational":
        opening = [] if asked.system is None else [_message("system", pl.lit(asked.system))]
        frame = frame.with_columns(
            prompt=pl.concat_list(*opening, _message("user", pl.col("prompt"))),
            chosen=pl.concat_list(_message("assistant", pl.col("chosen"))),
            rejected=pl.concat_list(_message("assistant", pl.col("rejected"))),
        )
    if with_ids:
        frame = frame.rename({"chosen_response_ids": "chosen_ids", "rejected_response_ids": "rejected_ids"})
        for name in ("prompt_ids", "chosen_ids", "rejected_ids"):
            _refuse_nulls(frame[name], "their token ids cannot be exported")
    schema = _schema(form, with_ids=with_ids)
    return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _message(role: str, content: "pl.Expr") -> "pl.Expr":
    import polars as pl

    return pl.struct(pl.lit(role).alias("role"), content.alias("content"))


def _prompts(part: "pl.DataFrame", asked: Asked, form: Form, tokenizer: TextTokenizer | None) -> "pl.Series":
    """Return the text of the user's message, or the whole prompt as it was rendered."""
    import polars as pl

    if form == "standard" and asked.template == "chat" and tokenizer is not None:
        _refuse_nulls(part["prompt_ids"], "the standard form is made from the prompts' token ids")
        texts = tokenizer.batch_decode(part["prompt_ids"].to_list(), skip_special_tokens=False)
        return pl.Series("prompt", texts, dtype=pl.String)
    _refuse_nulls(part["prompt"], "messages are made from the prompt's text")
    return part["prompt"] + (asked.suffix or "")


def _responses(part: "pl.DataFrame", side: str, tokenizer: TextTokenizer | None) -> "pl.Series":
    """Return the stored texts, those that were not stored decoded from their ids."""
    import polars as pl

    texts, ids = part[f"{side}_response"].cast(pl.String).alias(side), part[f"{side}_response_ids"]
    bare = texts.is_null()
    if not bare.any():
        return texts
    if tokenizer is None:
        raise ConfigError(f"{bare.sum()} responses were stored without text; to decode them, the tokenizer is needed")
    _refuse_nulls(ids.filter(bare), "their text was not stored, nor their token ids")
    decoded = pl.Series(tokenizer.batch_decode(ids.filter(bare).to_list(), skip_special_tokens=True), dtype=pl.String)
    return texts.scatter(bare.arg_true(), decoded)


def _refuse_nulls(values: "pl.Series", reason: str) -> None:
    if values.has_nulls():
        raise DataError(f"{values.null_count()} of {len(values)} rollouts have no {values.name}: {reason}")


def _schema(form: Form, *, with_ids: bool) -> "dict[str, pl.DataType]":
    import polars as pl

    messages = pl.List(pl.Struct({"role": pl.String(), "content": pl.String()}))
    text = messages if form == "conversational" else pl.String()
    kinds: dict[str, pl.DataType] = {
        "prompt": text,
        "chosen": text,
        "rejected": text,
        "chosen_reward": pl.Float32(),
        "rejected_reward": pl.Float32(),
        "margin": pl.Float64(),
        "chosen_finish_reason": pl.String(),
        "rejected_finish_reason": pl.String(),
        "chosen_response_len": pl.Int32(),
        "rejected_response_len": pl.Int32(),
        "run_id": pl.String(),
        "step": pl.Int32(),
        "group_id": pl.Int64(),
        "prompt_id": pl.String(),
        "pair_id": pl.Int64(),
        "chosen_rollout_id": pl.Int64(),
        "rejected_rollout_id": pl.Int64(),
    }
    ids = dict.fromkeys(("prompt_ids", "chosen_ids", "rejected_ids"), pl.List(pl.Int32())) if with_ids else {}
    return kinds | ids
