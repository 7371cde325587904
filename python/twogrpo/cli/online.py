"""`twogrpo online`: 2-GRPO on the machine's one device."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twogrpo.cli.options import Config, DryRun, Force, Json, Quiet, Resume, Traceback, Verbose, print_json, split

if TYPE_CHECKING:
    from twogrpo.config import OnlineConfig, RunConfig
    from twogrpo.monitor import Console
    from twogrpo.preflight import Report
    from twogrpo.train.session import RunResult

__all__ = ["load_online", "make_console", "online", "print_report", "report_run"]


def load_online(arguments: list[str] | None) -> "OnlineConfig":
    """Return the configuration of a command line; without a file and without a model, over the embedded default."""
    from twogrpo.config.origins import resolve_online

    return resolve_online(*split(arguments)).config


def online(
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
    """Train on its own verified rollouts (2-GRPO); store them all.

    Without a CONFIG a tiny model is made on the spot and learns arithmetic within minutes on a laptop CPU.
    """
    from twogrpo.config.origins import resolve_online

    resolved = resolve_online(*split(config))
    settings = resolved.config
    if dry_run:
        from twogrpo.preflight import preflight_online

        report = preflight_online(settings, settings=resolved.settings, resume=resume, force=force)
        return print_report(report, as_json=as_json, is_verbose=verbose)
    console = make_console(settings, is_quiet=quiet)
    result = _train(settings)(settings, resume=resume, force=force, console=console)
    return report_run(result.path, result.summary, is_interrupted=result.is_interrupted, as_json=as_json)


def _train(config: "OnlineConfig") -> "Callable[..., RunResult]":
    """Return what trains on the engine that is asked for."""
    if config.engine == "openrlhf":
        from twogrpo.openrlhf.online import train_online_openrlhf

        return train_online_openrlhf
    from twogrpo.train import train_online

    return train_online


def print_report(report: "Report", *, as_json: bool, is_verbose: bool) -> int:
    """Print a preflight and return exit code 0.

    Raises:
        TwoGrpoError: The run would be refused.
    """
    from twogrpo.preflight import render

    if as_json:
        print_json(report.as_json())
    else:
        for line in render(report, is_verbose=is_verbose):
            print(line)
    report.raise_first()
    return 0


def make_console(config: "RunConfig", *, is_quiet: bool) -> "Console":
    """Return the progress printer that a run's `log` section describes."""
    from twogrpo.monitor import Console

    return Console(every_steps=config.log.every_steps, is_quiet=is_quiet)


def report_run(path: Path, summary: dict[str, Any], *, is_interrupted: bool, as_json: bool) -> int:
    """Print what a run came to and return its exit code."""
    if as_json:
        print_json({"run_dir": str(path), **summary})
    else:
        for line in _lines(path, summary):
            print(line)
    if is_interrupted:
        said = f"interrupted after step {summary['steps']}; go on with run_dir={path} --resume"
        print(f"twogrpo: {said}", file=sys.stderr)
        return 130
    return 0


def _lines(path: Path, summary: dict[str, Any]) -> Iterator[str]:
    seconds = summary["seconds"]
    # A cluster's CPU time is nobody's to measure.
    cpu = f" ({seconds['cpu']:.0f} CPU-s)" if "cpu" in seconds else ""
    yield f"{summary['command']}: {summary['steps']} steps in {seconds['wall']:.0f} s{cpu}"
    for row in summary["evaluations"]:
        scores = "  ".join(f"{name.replace('_at_', '@')} {value:.3f}" for name, value in row.items() if name != "step")
        yield f"  after step {row['step']}: {scores}"
    yield f"  run folder {path}"
