"""`twogrpo pairs RUN`: how many pairs a run's rollouts make, what they look like, and their export."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from twogrpo.cli.options import Json, Traceback, print_json, split
from twogrpo.cli.tables import printable
from twogrpo.cli.texts import text_lines
from twogrpo.errors import ConfigError, DataError
from twogrpo.row_files import STREAM

if TYPE_CHECKING:
    import polars as pl

    from twogrpo.config import DpoConfig
    from twogrpo.preferences import TextTokenizer
    from twogrpo.store import RolloutStore

__all__ = ["pairs"]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a store.", show_default=False)]
Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="[pairs.key=value ...]", help="Keys of the section pairs.", show_default=False),
]
Form = Literal["conversational", "standard"]
CONFIG = "config.resolved.yaml"
INDENT = "    "


def pairs(
    run: Run,
    keys: Keys = None,
    *,
    show: Annotated[int, typer.Option("--show", min=0, metavar="N", help="Print N pairs.")] = 0,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="FILE", help="Write the pairs to a .jsonl or .parquet file; - is stdout."),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Export messages or plain text; by default as the run was asked."),
    ] = None,
    with_ids: Annotated[bool, typer.Option("--ids", help="Export the sampled token ids as well.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that --export names.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Count the pairs that RUN's rollouts make, show or export them.

    An export has the columns prompt, chosen and rejected that TRL, OpenRLHF and datasets read. A prompt is what the
    policy was asked, with the run's data.system and data.suffix; other trainers tokenise the text again.
    """
    from twogrpo.pairs import PairSpec, build_pairs, pair_counts
    from twogrpo.store import RolloutStore
    from twogrpo.table_files import check_target

    if export is not None:
        check_target(export, "--export", kinds=(".jsonl", ".parquet"), force=force)
    store = RolloutStore.open(run)
    overrides = _overrides(keys)
    settings = _run_settings(store, overrides) if export is not None else _settings({}, overrides)
    table = build_pairs(store, PairSpec(**settings.pairs.model_dump()))
    counts = asdict(pair_counts(store))
    report: dict[str, Any] = {**counts, "pairs": len(table), "possible_pairs": counts["pairs"]}
    report["shown"] = _examples(store, table.head(show)) if show else []
    if export is not None:
        report["exported"] = _export(store, table, settings, export, form, with_ids=with_ids)
    stream = sys.stderr if export == STREAM else sys.stdout
    if as_json:
        print_json(report, file=stream)
    else:
        _print_report(report, stream)


def _overrides(keys: list[str] | None) -> dict[str, Any]:
    path, words = split(keys)
    if path is not None:
        raise ConfigError(f"`{path}` is not key=value; write for example pairs.strategy=best_worst")
    from twogrpo.config.load import parse_overrides

    return parse_overrides(words)


def _settings(sections: dict[str, Any], overrides: dict[str, Any]) -> "DpoConfig":
    from twogrpo.config import DpoConfig
    from twogrpo.config.embedded import TINY
    from twogrpo.config.load import merge, validate

    return validate(DpoConfig, merge({"model": {"path": TINY}, **sections}, overrides))


def _run_settings(store: "RolloutStore", overrides: dict[str, Any]) -> "DpoConfig":
    """Return the settings of an export: model and data of the run that the store belongs to, under the overrides.

    Raises:
        ConfigError: How the problems were put to the policy is neither in the run's folder nor said.
    """
    folder = store.path.resolve().parent
    if (folder / CONFIG).exists():
        from twogrpo.config.load import read_yaml

        resolved = read_yaml(folder / CONFIG)
        return _settings({name: resolved.get(name, {}) for name in ("model", "data")}, overrides)
    if "template" in overrides.get("data", {}):
        return _settings({}, overrides)
    raise ConfigError(
        f"{folder} has no {CONFIG}, so how the problems in {store.path} were put to the policy is unknown; say "
        "data.template=none, or data.template=chat, with data.system and data.suffix where there were any"
    )


class _PolicyTokenizer:
    """The policy's tokenizer, loaded when something has to be decoded."""

    def __init__(self, model: str, run: Path) -> None:
        self._model, self._run = model, run
        self._loaded: TextTokenizer | None = None

    def batch_decode(self, sequences: list[list[int]], *, skip_special_tokens: bool) -> list[str]:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded.batch_decode(sequences, skip_special_tokens=skip_special_tokens)

    def _load(self) -> "TextTokenizer":
        from twogrpo.config.embedded import TINY
        from twogrpo.models import load_tokenizer
        from twogrpo.tiny import TinyFiles

        if self._model != TINY:
            return load_tokenizer(self._model)
        made = TinyFiles(self._run / "tiny").model
        if not made.is_dir():
            raise ConfigError("token ids are to be decoded; name the policy's folder or hub id with model.path")
        return load_tokenizer(str(made))


def _export(
    store: "RolloutStore",
    table: "pl.DataFrame",
    settings: "DpoConfig",
    target: str,
    form: Form | None,
    *,
    with_ids: bool,
) -> dict[str, Any]:
    """Write the pairs and return what was written."""
    from twogrpo.preferences import Asked, scan_preferences
    from twogrpo.table_files import write_table

    if table.is_empty():
        raise DataError(f"{store.path} makes no pair to export; `twogrpo pairs` says which groups are tied or inert")
    asked = Asked(settings.data.template, settings.data.system, settings.data.suffix)
    tokenizer = _PolicyTokenizer(settings.model.path, store.path.resolve().parent)
    rows = scan_preferences(store, table, asked, form=form, tokenizer=tokenizer, with_ids=with_ids)
    write_table(rows, target, "--export")
    return {"file": target, "format": form or asked.form, "pairs": len(table)}


def _examples(store: "RolloutStore", table: "pl.DataFrame") -> list[dict[str, Any]]:
    """Return pairs with their rollouts, as JSON can hold them, in the order of the table."""
    from twogrpo.pair_rollouts import pair_rollouts

    names = ("response", "reward", "response_len", "finish_reason")
    found = {}
    for part in pair_rollouts(store, table):
        for row in part.iter_rows(named=True):
            shared = {
                name: row[name] for name in ("pair_id", "run_id", "step", "margin", "staleness", "prompt", "gold")
            }
            sides = {side: {name: row[f"{side}_{name}"] for name in names} for side in ("chosen", "rejected")}
            found[row["pair_id"]] = shared | sides
    return [found[pair_id] for pair_id in table["pair_id"]]


def _print_report(report: dict[str, Any], stream: TextIO) -> None:
    figures = "  ".join(
        f"{name.replace('_', ' ')} {report[name]:,}"
        for name in ("groups", "decided", "tied", "inert", "possible_pairs", "pairs")
    )
    print(figures, file=stream)
    for number, example in enumerate(report["shown"], start=1):
        _print_example(number, example, stream)
    if "exported" in report:
        done = report["exported"]
        where = "stdout" if done["file"] == STREAM else done["file"]
        print(f"{done['pairs']:,} pairs written to {where} ({done['format']})", file=stream)


def _print_example(number: int, example: dict[str, Any], stream: TextIO) -> None:
    gold = "" if example["gold"] is None else f"  gold {printable(example['gold'])}"
    stale = f"  staleness {example['staleness']:,}" if example["staleness"] else ""
    print(f"\npair {number}  step {example['step']}  margin {example['margin']:g}{stale}{gold}", file=stream)
    _print_text("prompt", example["prompt"], stream)
    for side in ("chosen", "rejected"):
        rollout = example[side]
        facts = [f"reward {rollout['reward']:g}"]
        facts += [] if rollout["response_len"] is None else [f"{rollout['response_len']:,} tokens"]
        facts += [] if rollout["finish_reason"] is None else [rollout["finish_reason"]]
        print(f"  {side}: {', '.join(facts)}", file=stream)
        _print_text("", rollout["response"], stream)


def _print_text(title: str, text: str | None, stream: TextIO) -> None:
    """Print a text under its title, a long one cut in its middle."""
    if title:
        print(f"  {title}", file=stream)
    if text is None:
        print(f"{INDENT}(not stored: store.keep_text was false)", file=stream)
        return
    for line in text_lines(text, len(INDENT), more="--json"):
        print(line, file=stream)
