"""`twogrpo demo`: the main job on the embedded default, beside a control that has no verifier.

Three arms start from one warm start: online 2-GRPO; DPO on the rollouts that online stored; and supervised training
on the warm start's own demonstrations for the CPU seconds that online took.
"""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twogrpo.cli.dpo import load_dpo
from twogrpo.cli.online import load_online, make_console
from twogrpo.cli.options import Json, Quiet, Traceback, print_json
from twogrpo.errors import ConfigError

if TYPE_CHECKING:
    from twogrpo.config import OnlineConfig
    from twogrpo.monitor import Console
    from twogrpo.train import RunResult

__all__ = ["demo", "run_demo"]

MARKER = ".twogrpo-demo"
ARMS = ("warm_start", "control", "online", "dpo")


def demo(
    *,
    folder: Annotated[Path, typer.Option("--dir", help="Where the runs go; an earlier demo there is replaced.")] = Path(
        "runs/demo"
    ),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything, the warm start included.")] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Run the main job on the embedded default, and compare.

    Online 2-GRPO, DPO on the rollouts it stored, and a supervised control for the same CPU time, all from one warm
    start, evaluated on held-out problems. Minutes on a laptop CPU.
    """
    summary = run_demo(folder, seed, is_quiet=quiet)
    if as_json:
        print_json(summary)
        return
    for line in _table(summary):
        print(line)
    print(f"\nall of it is in {folder / 'summary.json'}")


def run_demo(folder: Path, seed: int, *, is_quiet: bool = False) -> dict[str, Any]:
    """Run every arm of the demo and return what summary.json holds.

    Args:
        folder: Where the runs go; `online`, `dpo`, `control` and `summary.json` in it are replaced.
        seed: Seed of everything.
        is_quiet: Print no steps.
    """
    from twogrpo.train import train_dpo, train_online

    started = time.perf_counter()
    _clear(folder)
    overrides = [f"run_dir={folder / 'online'}", f"seed={seed}", "log.every_steps=10"]
    config = load_online(overrides)
    console = make_console(config, is_quiet=is_quiet)
    online = _finished(train_online(config, console=console))
    dpo_config = load_dpo(folder / "online", [f"run_dir={folder / 'dpo'}", "log.every_steps=10"])
    dpo = _finished(train_dpo(dpo_config, folder / "online" / "rollouts", console=console))
    control = _control(config, folder, cpu_seconds=online["seconds"]["cpu"], console=console)
    summary = {
        "seed": seed,
        "heldout": {
            "warm_start": _scores(online["evaluations"][0]),
            "control": control["heldout"],
            "online": _scores(online["evaluations"][-1]),
            "dpo": _scores(dpo["evaluations"][-1]),
        },
        "rollouts": online["rollouts"],
        "decided_groups": online["decided_groups"],
        "dpo_pairs": dpo["pairs"],
        "tied_share": online["tied_share"],
        "cpu_seconds": {
            "warm_start": control["warm_start_cpu_seconds"],
            "control": control["cpu_seconds"],
            "online": online["seconds"]["cpu"],
            "dpo": dpo["seconds"]["cpu"],
        },
        "demonstrations_right": control["demonstrations_right"],
        "seconds": round(time.perf_counter() - started, 1),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _clear(folder: Path) -> None:
    """Remove an earlier demo, known by its marker, and nothing else.

    Raises:
        ConfigError: A folder of a run's name is there that no demo has made.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--dir {folder} is a file, expected a folder")
    marker = folder / MARKER
    there = [folder / name for name in ("online", "dpo", "control") if (folder / name).exists()]
    if there and not marker.exists():
        raise ConfigError(f"{there[0]} is there and no demo has made it; name another folder with --dir")
    for path in there:
        shutil.rmtree(path)
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _finished(result: "RunResult") -> dict[str, Any]:
    """Return a run's summary; an interrupt ends the demo, as half a run has nothing to compare."""
    if result.is_interrupted:
        raise KeyboardInterrupt
    return result.summary


def _control(config: "OnlineConfig", folder: Path, *, cpu_seconds: float, console: "Console") -> dict[str, Any]:
    """Train the warm start on its own demonstrations for so many CPU seconds, save it and evaluate it."""
    import torch

    from twogrpo.generate import make_generator
    from twogrpo.models import load_policy, load_tokenizer
    from twogrpo.rewards import load_reward
    from twogrpo.tiny import CONTROL, CpuSeconds, TinyFiles, load_examples, supervise
    from twogrpo.train.evaluation import evaluate_as_configured, evaluation_scores, load_prompts

    files = TinyFiles(folder / "online" / "tiny")
    tokenizer = load_tokenizer(str(files.model))
    model = load_policy(str(files.model), device=torch.device("cpu"), gradient_checkpointing=False)
    # The control's batches are not those of the warm start again.
    result = supervise(
        model,
        load_examples(files.demonstrations, tokenizer),
        CONTROL,
        budget=CpuSeconds(cpu_seconds),
        pad_id=int(tokenizer.pad_token_id),
        seed=config.seed + 7,
    )
    model.save_pretrained(folder / "control")
    tokenizer.save_pretrained(folder / "control")
    console.note(f"control: {result.steps} supervised steps in {result.cpu_seconds:.0f} CPU-s")
    evaluation = evaluate_as_configured(
        make_generator(model, tokenizer, backend="builtin", dtype=torch.float32),
        tokenizer,
        load_prompts(str(files.test), tokenizer, config).prompts,
        load_reward(None, config.reward.profile),
        config,
        max_new_tokens=config.rollout.max_new_tokens,
    )
    marker = files.marker()
    return {
        "heldout": evaluation_scores(evaluation),
        "cpu_seconds": round(result.cpu_seconds, 2),
        "warm_start_cpu_seconds": round(marker.warm_start_cpu_seconds, 2),
        "demonstrations_right": round(marker.demonstrations_right, 4),
    }


def _scores(evaluation: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in evaluation.items() if name != "step"}


def _table(summary: dict[str, Any]) -> Iterator[str]:
    names = list(summary["heldout"]["warm_start"])
    headings = [name.replace("_at_", "@") for name in names]
    yield f"held-out problems, seed {summary['seed']}"
    yield f"{'':<12}" + "".join(f"{heading:>9}" for heading in headings) + f"{'CPU-s':>9}"
    for arm in ARMS:
        scores = "".join(f"{summary['heldout'][arm][name]:>9.3f}" for name in names)
        yield f"{arm.replace('_', ' '):<12}{scores}{summary['cpu_seconds'][arm]:>9.0f}"
    ties = summary["tied_share"]
    yield (
        f"{summary['rollouts']:,} rollouts, {summary['decided_groups']:,} decided pairs; "
        f"ties {ties['first_10']:.2f} in the first 10 steps, {ties['last_10']:.2f} in the last 10"
    )
    yield f"{summary['seconds']:.0f} s in all"
