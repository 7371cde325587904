"""`twogrpo eval MODEL DATA`: scores with intervals, and two models compared in pairs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twogrpo.cli.options import Json, Quiet, Traceback, print_json
from twogrpo.errors import ConfigError

if TYPE_CHECKING:
    from twogrpo.evaluate.comparison import Comparison
    from twogrpo.evaluate.scorecard import Scorecard
    from twogrpo.train.model_evaluation import EvaluatedModel, EvaluationResult

__all__ = ["eval_model"]

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A run folder, a checkpoint, a model folder, a hub id, or a folder that eval has written.",
        show_default=False,
    ),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DATA.jsonl] [CONFIG.yaml] [key=value ...]",
        help="Problems (JSONL or Parquet; a run has its own), a YAML file, and keys laid over it.",
        show_default=False,
    ),
]
DATA_ENDINGS = (".jsonl", ".parquet")
CONFIG_ENDINGS = (".yaml", ".yml")
# A line of this many columns fits a terminal beside its name.
NAME_WIDTH = 20


def eval_model(
    model: Model,
    words: Words = None,
    *,
    against: Annotated[
        str | None, typer.Option("--against", metavar="OTHER", help="Compare in pairs with another MODEL.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where it goes; runs/eval by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an evaluation that was interrupted.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the evaluation that is in the folder.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Score MODEL on problems: mean@k, pass@k, greedy, with intervals.

    Every answer is stored. A run folder is evaluated at its newest checkpoint, as it evaluates itself.
    """
    data, config, keys = split_words(words)
    from twogrpo.monitor import Console
    from twogrpo.train.model_evaluation import evaluate_model

    result = evaluate_model(
        model,
        data,
        keys,
        config=config,
        against=against,
        out=out,
        resume=resume,
        force=force,
        console=Console(is_quiet=quiet),
    )
    if as_json:
        print_json(result.as_json())
        return
    for line in _lines(result):
        print(line)


def split_words(words: Sequence[str] | None) -> tuple[str | None, str | None, list[str]]:
    """Return the file of problems and the configuration file, if they are named, and the key=value strings.

    Raises:
        ConfigError: A word is none of these, or one comes twice.
    """
    keys = [word for word in words or () if "=" in word]
    found: dict[str, str] = {}
    for word in (word for word in words or () if "=" not in word):
        suffix = Path(word).suffix
        kind = "data" if suffix in DATA_ENDINGS else "config" if suffix in CONFIG_ENDINGS else None
        if kind is None or kind in found:
            raise ConfigError(
                f"`{word}` is not the one file of problems (.jsonl, .parquet), the one CONFIG.yaml, or key=value; "
                "write for example eval.samples=16"
            )
        found[kind] = word
    if any(key.startswith("model.path=") for key in keys):
        raise ConfigError("model.path is MODEL, the first word after eval; leave the key out")
    return found.get("data"), found.get("config"), keys


def _lines(result: "EvaluationResult") -> Iterator[str]:
    yield from _model_lines(result.model)
    if result.against is not None and result.comparison is not None:
        yield ""
        yield from _model_lines(result.against)
        yield ""
        yield from _comparison_lines(result.comparison, result.model.name, result.against.name)


def _model_lines(evaluated: "EvaluatedModel") -> Iterator[str]:
    card, sampling = evaluated.scorecard, evaluated.config.eval
    yield evaluated.name
    yield (
        f"  {card.problems:,} problems, {card.samples} samples each at temperature {sampling.temperature:g}, "
        f"seed {evaluated.config.seed}"
    )
    yield f"  mean length {card.response_tokens_mean:.1f} tokens, {card.cut_share:.1%} cut at {sampling.max_new_tokens}"
    if card.failed:
        yield f"  {card.failed:,} rewards failed and count 0"
    yield f"  {'':<{NAME_WIDTH}}{'score':>7}   95 % interval"
    for name, estimate in card.scores.items():
        yield f"  {_title(name):<{NAME_WIDTH}}{estimate.value:>7.3f}   {estimate.low:.3f} to {estimate.high:.3f}"
    if len(card.by_dataset) > 1:
        yield from _dataset_lines(card)
    yield f"  answers in {evaluated.path}"


def _dataset_lines(card: "Scorecard") -> Iterator[str]:
    """Yield a line a data set: its problems and, for 80 columns, its first, last and greedy score."""
    names = list(card.scores)
    passes = [name for name in names if name.startswith("pass_")]
    shown = [names[0], passes[-1], *(["greedy"] if "greedy" in names else [])]
    yield f"  {'by data set':<{NAME_WIDTH}}{'problems':>9}" + "".join(f"{_title(name):>10}" for name in shown)
    for dataset, found in card.by_dataset.items():
        name = dataset if len(dataset) < NAME_WIDTH else dataset[: NAME_WIDTH - 4] + "..."
        scores = "".join(f"{found.scores[score].value:>10.3f}" for score in shown)
        yield f"  {name:<{NAME_WIDTH}}{found.problems:>9,}{scores}"


def _comparison_lines(comparison: "Comparison", model: str, other: str) -> Iterator[str]:
    yield f"{model} minus {other}"
    yield f"  {'':<{NAME_WIDTH}}{'gain':>7}   95 % interval"
    for name, gain in comparison.differences.items():
        doubt = "   contains 0: not told apart" if gain.contains_zero else ""
        yield f"  {_title(name):<{NAME_WIDTH}}{gain.value:>+7.3f}   {gain.low:+.3f} to {gain.high:+.3f}{doubt}"
    yield (
        f"  better on {comparison.wins:,} problems, worse on {comparison.losses:,}, equal on {comparison.ties:,}; "
        f"p = {comparison.p_value:.4f}"
    )


def _title(score: str) -> str:
    return score.replace("_at_", "@")
