"""`twogrpo store import`: rollouts that another program has logged, as a run that dpo trains on."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twogrpo.cli.options import Json, Traceback, print_json
from twogrpo.errors import ConfigError

if TYPE_CHECKING:
    from twogrpo.config.imported import ImportConfig
    from twogrpo.rollouts.decoded_prompts import PromptFrame
    from twogrpo.rollouts.imports import ImportReport

__all__ = ["import_rollouts"]

_NAMED = ("prompt", "response", "gold", "group", "step")
Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE... [key=value ...]",
        help=".jsonl and .parquet files or folders of them, and keys of the run.",
        show_default=False,
    ),
]


def import_rollouts(
    files: Files,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="RUN", help="The run folder to make.", show_default=False)],
    source: Annotated[
        Literal["trl", "verl", "plain"] | None,
        typer.Option("--from", help="What has logged the rows; by default told by their columns."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="PATH", help="The model that dpo starts from: model.path.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="The verifier's profile, for rows without a reward: reward.profile.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="WHAT=COLUMN", help="Where prompt, response, gold, group or step stand."),
    ] = None,
    reward: Annotated[
        list[str] | None,
        typer.Option("--reward", metavar="COLUMN[=WEIGHT]", help="Of a reward; several are added up."),
    ] = None,
    group_size: Annotated[
        int | None, typer.Option("--group-size", min=1, help="So many rows that follow each other are a group.")
    ] = None,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Store rollouts that another program has logged.

    `twogrpo dpo RUN` trains on them. TRL writes completions/*.parquet (log_completions=True), verl <step>.jsonl
    (trainer.rollout_data_dir). Plain rows have prompt, response and reward, or an answer to verify them by.
    """
    from twogrpo.rollouts.imports import import_rollouts as store_rollouts
    from twogrpo.rollouts.logged_rows import ColumnNames

    places, settings = _settings(files, model, profile)
    report = store_rollouts(
        places,
        to,
        source=source,
        settings=settings,
        names=ColumnNames(**_columns(column or []), rewards=_weights(reward or [])),
        group_size=group_size,
        frame=_frame,
    )
    if as_json:
        print_json(asdict(report) | {"path": str(report.path)})
    else:
        _print_report(report)


def _settings(files: list[str], model: str | None, profile: str | None) -> tuple[list[str], dict[str, Any]]:
    """Return the files and the nested keys of a command line."""
    from twogrpo.config.load import merge, parse_overrides

    places = [word for word in files if "=" not in word or Path(word).exists()]
    if not places:
        raise ConfigError("no file is named; give the .jsonl or .parquet files that the rollouts were logged to")
    flags: dict[str, Any] = {} if model is None else {"model": {"path": model}}
    if profile is not None:
        flags["reward"] = {"profile": profile}
    return places, merge(flags, parse_overrides([word for word in files if word not in places]))


def _columns(words: list[str]) -> dict[str, str]:
    named = dict(word.partition("=")[::2] for word in words)
    for what, name in named.items():
        if what not in _NAMED or not name:
            raise ConfigError(f"--column {what}={name}: expected {' or '.join(_NAMED)}, then = and the column's name")
    return named


def _weights(words: list[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for word in words:
        name, _, weight = word.partition("=")
        try:
            weights[name] = float(weight or 1)
        except ValueError as error:
            raise ConfigError(f"--reward {word}: the weight is no number; write for example {name}=0.5") from error
    return weights


def _frame(config: "ImportConfig") -> "PromptFrame":
    from twogrpo.models import load_tokenizer
    from twogrpo.rollouts.decoded_prompts import PromptFrame

    if config.model is None:
        raise ConfigError(
            "verl's inputs hold what the chat template writes, and only the tokenizer tells what that is; name it with "
            "--model, or give data.template=none to keep the inputs as they are"
        )
    return PromptFrame.of(load_tokenizer(config.model.path), config.data.system)


def _print_report(report: "ImportReport") -> None:
    counts = report.counts
    known = f", {counts.known:,} of which were stored before" if counts.known else ""
    print(f"{counts.rollouts:,} rollouts in {counts.groups:,} groups, {counts.steps:,} steps, in {report.path}{known}")
    print(f"groups   {report.grouped_by}")
    print(f"rewards  {_rewards(report)}")
    lacking = [
        name if rows == counts.rollouts else f"{name} ({rows:,} rows)" for name, rows in counts.lacking.items() if rows
    ]
    print(f"null     {', '.join(lacking) or 'nothing'}")
    if counts.lacking["prompt_ids"] or counts.lacking["response_ids"]:
        print("         dpo tokenises the text where there are no token ids")
    if counts.repeated:
        print(f"left out {counts.repeated:,} rows that repeat the step before")


def _rewards(report: "ImportReport") -> str:
    counts, parts = report.counts, []
    if report.rewards:
        parts.append(
            " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in report.rewards.items())
        )
    if counts.verified:
        parts.append(f"{counts.verified:,} by {report.verifier}")
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    return ", ".join(parts)
