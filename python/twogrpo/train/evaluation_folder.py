"""The folder of an evaluation: its configuration, every answer in a rollout store, and what they came to."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twogrpo.config import to_yaml
from twogrpo.config.difference import differences, shown_value
from twogrpo.config.evaluation import EvalConfig
from twogrpo.config.load import read_yaml
from twogrpo.errors import ConfigError
from twogrpo.store import RolloutStore
from twogrpo.train.candidates import ANALYSIS
from twogrpo.train.folder_state import CONFIG, has_started, unnamed_folder

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EvaluationFolder", "find_evaluation_folder"]

DEFAULT = Path("runs/eval")
WRITER = "eval"
SCORES = "scores.json"
_CONTENTS = (CONFIG, "rollouts", SCORES, "comparison.json", "against")


@dataclass(frozen=True)
class EvaluationFolder:
    """Paths of one evaluation.

    Attributes:
        path: The folder.
        is_resumed: The answers that are there are kept, and the others added.
        is_replaced: What is there goes when the evaluation begins.
    """

    path: Path
    is_resumed: bool = False
    is_replaced: bool = False

    @property
    def rollouts(self) -> Path:
        """The rollout store; a call of the generator is one segment, numbered by the column `step`."""
        return self.path / "rollouts"

    @property
    def is_finished(self) -> bool:
        """Whether an evaluation that is gone on with has its scores already."""
        return self.is_resumed and (self.path / SCORES).exists()

    def begin(self, config: EvalConfig, metadata: Mapping[str, str]) -> RolloutStore:
        """Write the configuration and return the store, open for writing.

        Raises:
            ConfigError: The folder cannot be written to.
            StoreError: Another process writes the evaluation.
        """
        run_id = re.sub(r"[^A-Za-z0-9._-]", "-", self.path.resolve().name).lstrip(".") or WRITER
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self.is_replaced:
                self._remove(run_id)
            (self.path / CONFIG).write_text(to_yaml(config))
        except OSError as error:
            raise ConfigError(f"--out {self.path} cannot be written: {error.strerror or error}") from error
        return RolloutStore.open(
            self.rollouts,
            run_id=run_id,
            writer=WRITER,
            metadata=metadata,
            logprob_dtype=config.store.logprob_dtype,
        )

    def answers(self) -> "pl.DataFrame":
        """Return what is needed of every stored answer to compute scores."""
        columns = ("group_id", "rollout_idx", "dataset", "prompt_id", "reward", "correct", "finish_reason")
        rows = RolloutStore.open(self.rollouts).scan()
        return rows.select(*columns, "response_ids").collect()

    def rewrite(self, config: EvalConfig, scores: Mapping[str, Any]) -> None:
        """Write a finished evaluation's configuration and scores again, for other `eval.k` or `eval.resamples`."""
        sampled = json.loads((self.path / SCORES).read_text())
        (self.path / CONFIG).write_text(to_yaml(config))
        self.write(SCORES, {**scores, "seconds": sampled.get("seconds")})

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """Write one JSON file, in one step, so that an evaluation is finished or not."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(json.dumps(values, indent=2) + "\n")
        temporary.replace(self.path / name)

    def _remove(self, run_id: str) -> None:
        if self.rollouts.exists():
            # Fails while a process writes there.
            RolloutStore.open(self.rollouts, run_id=run_id, writer=WRITER).close()
        for name in _CONTENTS:
            entry = self.path / name
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)


def find_evaluation_folder(
    out: str | Path | None, config: EvalConfig, *, resume: bool, force: bool
) -> EvaluationFolder:
    """Return the folder that an evaluation is to use; nothing is written.

    Args:
        out: The folder, or None for `runs/eval`, then `runs/eval-2` and on.
        config: The evaluation.
        resume: Go on with an evaluation that was interrupted; where there is none yet, one is begun.
        force: Replace an evaluation.

    Raises:
        ConfigError: The folder holds an evaluation and neither flag is given, holds something else, or the evaluation
            to go on with was made with other keys.
    """
    if resume and force:
        raise ConfigError("--resume goes on with an evaluation and --force replaces it; give one of them")
    path = Path(out) if out is not None else unnamed_folder(DEFAULT, resume=resume)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"--out {path} is a file, expected a folder")
    if not has_started(path):
        if path.is_dir() and any(entry.name not in _CONTENTS for entry in path.iterdir()):
            raise ConfigError(f"--out {path} holds other files and no evaluation; name an empty or new folder")
        return EvaluationFolder(path)
    if any(entry.name in ("metrics.jsonl", "checkpoints") for entry in path.iterdir()):
        raise ConfigError(f"--out {path} holds a run, not an evaluation; name another folder")
    if not (resume or force):
        raise ConfigError(
            f"--out {path} already holds an evaluation; add --resume to go on with it or --force to replace it"
        )
    if resume:
        _check_same(config, path)
    return EvaluationFolder(path, is_resumed=resume, is_replaced=force)


def _check_same(config: EvalConfig, path: Path) -> None:
    if not (path / CONFIG).exists():
        raise ConfigError(f"--out {path} holds answers without {CONFIG}; put it back, or name another folder")
    changed = differences(read_yaml(path / CONFIG), config.model_dump(mode="json"), ignored=ANALYSIS)
    if changed:
        what = ", ".join(
            f"{each.key}={shown_value(each.after)} (it has {shown_value(each.before)})" for each in changed
        )
        raise ConfigError(f"{path}: --resume cannot change {what}; give the same keys, or name another folder")
