"""The problems of a run with what is worth knowing about their file; those of the embedded task are made in memory."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

from twogrpo.config import RunConfig
from twogrpo.config.embedded import TINY
from twogrpo.errors import DataError
from twogrpo.preflight.report import Fact, Section, counted
from twogrpo.prompt_files import PromptRow, prompt_and_gold_column, read_prompt_rows
from twogrpo.prompts import Prompt, PromptSet
from twogrpo.row_files import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

__all__ = ["ProblemSet", "Split", "check_vocabulary", "load_problems", "load_rows", "problems_section"]

Split = Literal["train", "test"]

TINY_COLUMNS: tuple[str, ...] = ("problem", "answer", "dataset")


@dataclass(frozen=True)
class ProblemSet:
    """Problems, where they stand, and as which columns.

    Attributes:
        path: The file, or `tiny`.
        columns: Every column of the file.
        prompt_column: The one that holds the problem.
        gold_column: The one that holds the gold answer.
        places: Where each row stands in the file.
        prompts: The rows, rendered and tokenised.
    """

    path: str
    columns: tuple[str, ...]
    prompt_column: str
    gold_column: str
    places: tuple[str, ...]
    prompts: tuple[Prompt, ...]


def load_problems(path: str, config: RunConfig, tokenizer: "PreTrainedTokenizerBase", split: Split) -> ProblemSet:
    """Return the problems of a file, or of the embedded task.

    Args:
        path: The file, or `tiny`.
        config: Its section `data` says how rows are read and rendered.
        tokenizer: The model's.
        split: Of the embedded task.

    Raises:
        ConfigError, DataError: As the run would say.
    """
    data = config.data
    rows = load_rows(path, config, split)
    columns = TINY_COLUMNS if path == TINY else tuple(next(read_rows(path)).values)
    prompt_column, gold_column = prompt_and_gold_column(Path(path), columns, data.prompt_column, data.gold_column)
    prompts = PromptSet.of_rows(
        rows,
        tokenizer,
        system=data.system,
        suffix=data.suffix,
        template=data.template,
        max_prompt_tokens=data.max_prompt_tokens,
    ).prompts
    return ProblemSet(path, columns, prompt_column, gold_column, tuple(row.place for row in rows), prompts)


def load_rows(path: str, config: RunConfig, split: Split) -> list[PromptRow]:
    """Return the rows of a file, or of the embedded task; the errors are those of `load_problems`."""
    if path == TINY:
        return _tiny_rows(split, config.seed)
    data = config.data
    return read_prompt_rows(Path(path), prompt_column=data.prompt_column, gold_column=data.gold_column)


def check_vocabulary(found: ProblemSet, vocabulary: int) -> None:
    """Refuse prompts with tokens that the model does not know.

    Raises:
        DataError: A prompt has a token id that the model does not embed.
    """
    unknown = [row for row, prompt in enumerate(found.prompts) if max(prompt.token_ids) >= vocabulary]
    if unknown:
        raise DataError(
            f"{found.places[unknown[0]]}: the prompt has token id {max(found.prompts[unknown[0]].token_ids)}, but the "
            f"model embeds 0 to {vocabulary - 1}, as in {len(unknown)} rows; use the model's own tokenizer"
        )


def problems_section(title: str, found: ProblemSet, *, trained_on: "Sequence[Prompt]" = ()) -> Section:
    """Return rows, columns, lengths and duplicates of a file of problems.

    Args:
        title: Of the section.
        found: The problems.
        trained_on: The training problems, where these are the ones to evaluate on.
    """
    lengths = sorted(len(prompt.token_ids) for prompt in found.prompts)
    tokens = {
        "min": lengths[0],
        "median": median(lengths),
        "p99": lengths[min(len(lengths) - 1, len(lengths) * 99 // 100)],
        "max": lengths[-1],
    }
    duplicates = len(found.prompts) - len({prompt.prompt_id for prompt in found.prompts})
    texts = {prompt.text for prompt in trained_on}
    shared = sum(prompt.text in texts for prompt in found.prompts)
    facts = [
        Fact("path", found.path, f"{found.path} (made in the run folder)" if found.path == TINY else None),
        Fact("rows", len(found.prompts), f"{len(found.prompts):,}"),
        Fact("columns", list(found.columns), ", ".join(found.columns)),
        Fact("prompt_column", found.prompt_column),
        Fact("gold_column", found.gold_column),
        Fact("prompt_tokens", tokens, "  ".join(f"{name} {value:,.0f}" for name, value in tokens.items())),
        Fact(
            "duplicates",
            duplicates,
            f"{counted(duplicates, 'row')} with a problem that stands above" if duplicates else "none",
        ),
    ]
    warnings = []
    if conflicts := _conflicts(found.prompts):
        warnings.append(
            f"{counted(conflicts, 'repeated problem')} with unlike golds: what is right changes from draw to draw"
        )
    if shared:
        facts.append(Fact("also_trained_on", shared))
        warnings.append(
            f"{shared:,} of {counted(len(found.prompts), 'problem')} also trained on: scores on these do not show what "
            "a model can do on new ones"
        )
    return Section(title, tuple(facts), tuple(warnings))


def _conflicts(prompts: "Sequence[Prompt]") -> int:
    """Return how many problems occur with different golds."""
    golds: dict[str, set[tuple[str, ...]]] = {}
    for prompt in prompts:
        golds.setdefault(prompt.prompt_id, set()).add(prompt.golds)
    return sum(len(different) > 1 for different in golds.values())


def _tiny_rows(split: Split, seed: int) -> list[PromptRow]:
    from twogrpo.tiny.files import split_problems

    return [
        PromptRow(f"{TINY} {split}, row {number}", problem.question, (str(problem.answer),), problem.dataset)
        for number, problem in enumerate(split_problems(split, seed), start=1)
    ]
