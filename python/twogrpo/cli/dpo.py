"""`twogrpo dpo RUN`: preference training on the pairs of a stored run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twogrpo.cli.online import make_console, print_report, report_run
from twogrpo.cli.options import Config, DryRun, Force, Json, Quiet, Resume, Traceback, Verbose, split
from twogrpo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twogrpo.config import DpoConfig, OnlineConfig
    from twogrpo.config.origins import Resolved
    from twogrpo.train.session import RunResult

__all__ = ["dpo", "load_dpo"]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run folder whose rollouts are used.", show_default=False)]


def load_dpo(run: Path, arguments: list[str] | None) -> "DpoConfig":
    """Return the configuration of a command line, model, data and evaluation taken over from the online run.

    Raises:
        DataError: RUN is not the folder of an online run.
    """
    return _resolved(run, arguments).config


def dpo(
    run: Run,
    config: Config = None,
    *,
    resume: Resume = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> int:
    """Train with DPO on the decided pairs that RUN has stored.

    Model, data, reward and evaluation are those of RUN; training starts from the model that RUN started from.
    """
    resolved = _resolved(run, config)
    settings, rollouts = resolved.config, run / "rollouts"
    if dry_run:
        from twogrpo.preflight import preflight_dpo

        report = preflight_dpo(settings, rollouts, settings=resolved.settings, resume=resume, force=force)
        return print_report(report, as_json=as_json, is_verbose=verbose)
    console = make_console(settings, is_quiet=quiet)
    result = _train(settings)(settings, rollouts, resume=resume, force=force, console=console)
    if result is None:
        return 0
    return report_run(result.path, result.summary, is_interrupted=result.is_interrupted, as_json=as_json)


def _train(config: "DpoConfig") -> "Callable[..., RunResult | None]":
    """Return what trains on the engine that is asked for; it returns None where another process reports the run."""
    if config.engine == "openrlhf":
        from twogrpo.openrlhf.dpo import train_dpo_openrlhf

        return train_dpo_openrlhf
    from twogrpo.train import train_dpo

    return train_dpo


def _resolved(run: Path, arguments: list[str] | None) -> "Resolved[DpoConfig]":
    from twogrpo.config import DpoConfig, OnlineConfig
    from twogrpo.config.imported import ImportConfig
    from twogrpo.config.load import read_yaml, validate
    from twogrpo.config.origins import resolve_dpo

    path = run / "config.resolved.yaml"
    if not path.exists():
        raise DataError(f"{run} is not a run folder: it has no config.resolved.yaml; name the folder of an online run")
    values = read_yaml(path)
    if "dpo" in values:
        raise DataError(f"{run} is the folder of a dpo run; name the online run whose rollouts are to be used")
    if "source" in values:
        imported = validate(ImportConfig, values, source=str(path))
        return resolve_dpo(imported.taken(), f"run {run}", *split(arguments), is_tiny=False)
    online = OnlineConfig.load(path)
    taken = DpoConfig.taken_from(_with_real_paths(online, run))
    return resolve_dpo(taken, f"run {run}", *split(arguments), is_tiny=online.model.path == "tiny")


def _with_real_paths(online: "OnlineConfig", run: Path) -> "OnlineConfig":
    """Return the online run's configuration with `tiny` replaced by the files that run has made."""
    from twogrpo.tiny import TinyFiles

    files = TinyFiles(run / "tiny")
    model, data, evaluation = online.model, online.data, online.eval
    if model.path == "tiny":
        model = model.model_copy(update={"path": str(files.model)})
    if data.path == "tiny":
        data = data.model_copy(update={"path": str(files.train)})
    if evaluation.data == "tiny":
        evaluation = evaluation.model_copy(update={"data": str(files.test)})
    return online.model_copy(update={"model": model, "data": data, "eval": evaluation})
