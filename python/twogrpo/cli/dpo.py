"""`twogrpo dpo RUN`: preference training on the pairs of a stored run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from twogrpo.cli.online import make_console, report_run
from twogrpo.cli.options import Config, DryRun, Force, Json, Quiet, Resume, Traceback, split
from twogrpo.config import DpoConfig, OnlineConfig, to_yaml
from twogrpo.config.embedded import embedded_config
from twogrpo.config.load import merge, parse_overrides, read_yaml
from twogrpo.errors import DataError

__all__ = ["dpo", "load_dpo"]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run folder whose rollouts are used.", show_default=False)]


def load_dpo(run: Path, arguments: list[str] | None) -> DpoConfig:
    """Return the configuration of a command line, model, data and evaluation taken over from the online run.

    Raises:
        DataError: RUN is not the folder of an online run.
    """
    resolved = run / "config.resolved.yaml"
    if not resolved.exists():
        raise DataError(f"{run} is not a run folder: it has no config.resolved.yaml; name the folder of an online run")
    if "dpo" in read_yaml(resolved):
        raise DataError(f"{run} is the folder of a dpo run; name the online run whose rollouts are to be used")
    online = OnlineConfig.load(resolved)
    path, overrides = split(arguments)
    values: dict[str, Any] = {}
    if online.model.path == "tiny":
        values = read_yaml(embedded_config("dpo"))
    if path is not None:
        values = merge(values, read_yaml(path))
    return DpoConfig.for_run(_with_real_paths(online, run), merge(values, parse_overrides(overrides)))


def dpo(
    run: Run,
    config: Config = None,
    *,
    resume: Resume = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> int:
    """Train with DPO on the decided pairs that RUN has stored.

    Model, data, reward and evaluation are those of RUN; training starts from the model that RUN started from.
    """
    settings = load_dpo(run, config)
    if dry_run:
        print(to_yaml(settings), end="")
        return 0
    from twogrpo.train import train_dpo

    console = make_console(settings, is_quiet=quiet)
    result = train_dpo(settings, run / "rollouts", resume=resume, force=force, console=console)
    return report_run(result.path, result.summary, is_interrupted=result.is_interrupted, as_json=as_json)


def _with_real_paths(online: OnlineConfig, run: Path) -> OnlineConfig:
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
