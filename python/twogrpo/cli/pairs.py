"""`twogrpo pairs RUN`: how many pairs a run's rollouts make, and what they look like."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twogrpo.cli.options import Json, Traceback, print_json, split
from twogrpo.config import DpoConfig
from twogrpo.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["pairs"]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a store.", show_default=False)]
Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="[pairs.key=value ...]", help="Keys of the section pairs.", show_default=False),
]
TEXT_WIDTH = 400


def pairs(
    run: Run,
    keys: Keys = None,
    *,
    show: Annotated[int, typer.Option("--show", min=0, help="Print so many pairs in full.")] = 0,
    as_json: Json = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Count the pairs that RUN's rollouts make, and show some of them."""
    from twogrpo.pairs import PairSpec, build_pairs, pair_counts
    from twogrpo.store import RolloutStore

    path, overrides = split(keys)
    if path is not None:
        raise ConfigError(f"`{path}` is not key=value; write for example pairs.strategy=best_worst")
    section = DpoConfig.load(None, ["model.path=tiny", *overrides]).pairs
    store = RolloutStore.open(run)
    table = build_pairs(store, PairSpec(**section.model_dump()))
    counts = {**asdict(pair_counts(store)), "pairs": len(table)}
    examples = _examples(store.scan(), table.head(show)) if show else []
    if as_json:
        print_json({**counts, "shown": examples})
        return
    print("  ".join(f"{name} {value:,}" for name, value in counts.items()))
    for example in examples:
        _print_example(example)


def _examples(rollouts: "pl.LazyFrame", table: "pl.DataFrame") -> list[dict[str, Any]]:
    import polars as pl

    wanted = table["chosen_rollout_id"].to_list() + table["rejected_rollout_id"].to_list()
    columns = ["rollout_id", "step", "prompt", "gold", "response", "reward"]
    rows = rollouts.select(columns).filter(pl.col("rollout_id").is_in(wanted)).collect().rows(named=True)
    by_id = {row["rollout_id"]: row for row in rows}
    found = []
    for pair in table.iter_rows(named=True):
        chosen, rejected = by_id[pair["chosen_rollout_id"]], by_id[pair["rejected_rollout_id"]]
        shared = {name: chosen[name] for name in ("step", "prompt", "gold")}
        found.append(
            {**shared, "chosen": chosen["response"], "rejected": rejected["response"], "margin": pair["margin"]}
        )
    return found


def _print_example(example: dict[str, Any]) -> None:
    print(f"\nstep {example['step']}  margin {example['margin']:g}  gold {example['gold']}")
    for name in ("prompt", "chosen", "rejected"):
        text = str(example[name])
        print(f"  {name:<9}{text[:TEXT_WIDTH]}{' ...' if len(text) > TEXT_WIDTH else ''}")
