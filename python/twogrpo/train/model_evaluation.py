"""Evaluations after training: any model on any problems, stored, with intervals, and two models in pairs.

It stands in this room because only this room knows what a run folder and a checkpoint are.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import transformers

from twogrpo.config.load import merge, parse_overrides, read_yaml
from twogrpo.errors import ConfigError
from twogrpo.evaluate import ProblemScores, problem_scores
from twogrpo.evaluate.comparison import Comparison, compare
from twogrpo.evaluate.scorecard import Scorecard, scorecard
from twogrpo.monitor import Console
from twogrpo.train.answer_store import check_loadable, store_answers
from twogrpo.train.candidates import Candidate, find_candidate, find_opponent
from twogrpo.train.evaluation_folder import EvaluationFolder, find_evaluation_folder

if TYPE_CHECKING:
    from twogrpo.config.evaluation import EvalConfig

__all__ = ["EvaluatedModel", "EvaluationResult", "evaluate_model"]


@dataclass(frozen=True)
class EvaluatedModel:
    """One model and what it came to.

    Attributes:
        name: The word that named it.
        config: How it was evaluated.
        path: Folder of its evaluation.
        problems: The scores of each problem.
        scorecard: The scores with their intervals.
    """

    name: str
    config: "EvalConfig"
    path: Path
    problems: Sequence[ProblemScores]
    scorecard: Scorecard

    def as_json(self) -> dict[str, Any]:
        """Return what scores.json holds."""
        return {
            "model": self.name,
            "model_path": self.config.model.path,
            "data": self.config.data.path,
            "seed": self.config.seed,
            **self.scorecard.as_json(),
        }


@dataclass(frozen=True)
class EvaluationResult:
    """What `evaluate_model` leaves: one model, or two and their differences."""

    model: EvaluatedModel
    against: EvaluatedModel | None = None
    comparison: Comparison | None = None

    def as_json(self) -> dict[str, Any]:
        """Return everything, as `twogrpo eval --json` prints it."""
        found: dict[str, Any] = {**self.model.as_json(), "folder": str(self.model.path)}
        if self.against is not None and self.comparison is not None:
            found["against"] = {**self.against.as_json(), "folder": str(self.against.path)}
            found["comparison"] = self.comparison.as_json()
        return found


def evaluate_model(
    model: str | Path,
    data: str | Path | None = None,
    keys: Sequence[str] = (),
    *,
    config: str | Path | None = None,
    against: str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    console: Console | None = None,
) -> EvaluationResult:
    """Return the scores of a model on problems, every answer stored, and its paired differences to another model.

    Args:
        model: A run folder (its newest checkpoint), a checkpoint, a Hugging Face folder, a hub id, or a folder that an
            earlier evaluation has written, whose answers are then used again.
        data: A .jsonl or .parquet file of problems; a run has its own `eval.data`.
        keys: Strings such as `eval.samples=16`; see `twogrpo config show --for eval`. A run's own template, verifier
            and sampling are taken over where no key says otherwise.
        config: A YAML file under the keys.
        against: Another model, asked the same problems with the same random numbers.
        out: Folder of the evaluation; `runs/eval`, then `runs/eval-2` and on by default. What `against` answers goes
            into the folder `against` in it.
        resume: Go on with an evaluation that was interrupted.
        force: Replace an evaluation.
        console: Where progress goes; stderr by default.

    Raises:
        ConfigError, DataError, EngineError: What is asked for cannot be evaluated; nothing is overwritten.
        StoreError: The store cannot be written.
        KeyboardInterrupt: On Ctrl-C; the answers so far are stored, and `resume` adds the others.
    """
    values = merge(read_yaml(config) if config is not None else {}, parse_overrides(keys))
    first = find_candidate(str(model), None if data is None else str(data), values)
    second = None if against is None else find_opponent(str(against), values, first)
    folders = _folders(first, second, out, resume=resume, force=force)
    _check_problems(folders)
    # The evaluation prints its own progress.
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with closing(console if console is not None else Console()) as progress:
        evaluated, *others = (_evaluated(each, folder, progress) for each, folder in folders)
    if not others:
        return EvaluationResult(evaluated)
    comparison = _compared(evaluated, others[0])
    result = EvaluationResult(evaluated, others[0], comparison)
    written = next((folder for _, folder in folders if isinstance(folder, EvaluationFolder)), None)
    if written is not None:
        written.write("comparison.json", {"model": evaluated.name, "against": others[0].name, **comparison.as_json()})
    return result


def _folders(
    first: Candidate, second: Candidate | None, out: str | Path | None, *, resume: bool, force: bool
) -> list[tuple[Candidate, EvaluationFolder | None]]:
    """Return each candidate with the folder for its answers, None where they are there already."""
    candidates = [first] if second is None else [first, second]
    found: list[tuple[Candidate, EvaluationFolder | None]] = []
    for candidate in candidates:
        if candidate.stored is not None:
            found.append((candidate, None))
            continue
        folder = find_evaluation_folder(out, candidate.config, resume=resume, force=force)
        found.append((candidate, folder))
        # A second one that is sampled as well lives inside the first one's.
        out = folder.path / "against"
    _check_kept(found)
    if all(folder is None for _, folder in found) and (out is not None or resume or force):
        raise ConfigError("every answer is there already and nothing is written; leave out --out, --resume and --force")
    return found


def _check_kept(found: Sequence[tuple[Candidate, EvaluationFolder | None]]) -> None:
    """Make sure that stored answers which are to be compared are not replaced, or taken for the other model's."""
    stored = [candidate.stored for candidate, _ in found if candidate.stored is not None]
    folders = [folder for _, folder in found if folder is not None]
    for kept, folder in ((kept, folder) for kept in stored for folder in folders):
        answers, written = kept.resolve(), folder.path.resolve()
        if answers == written or (folder.is_replaced and answers.is_relative_to(written)):
            raise ConfigError(f"--out {folder.path} would write over the answers in {kept}; name another folder")


def _evaluated(candidate: Candidate, folder: EvaluationFolder | None, console: Console) -> EvaluatedModel:
    """Return the scores of a candidate from its stored answers; they are sampled first where there is a folder."""
    started = time.perf_counter()
    there = EvaluationFolder(candidate.stored or Path()) if folder is None else folder
    if folder is not None and not folder.is_finished:
        store_answers(candidate, folder, console)
    section, seed = candidate.config.eval, candidate.config.seed
    problems = problem_scores(there.answers(), section.samples)
    card = scorecard(problems, ks=section.ks, resamples=section.resamples, seed=seed)
    result = EvaluatedModel(candidate.name, candidate.config, there.path, problems, card)
    if folder is not None and folder.is_finished:
        folder.rewrite(candidate.config, result.as_json())
    elif folder is not None:
        seconds = round(time.perf_counter() - started, 3)
        folder.write("scores.json", {**result.as_json(), "seconds": seconds})
    return result


def _check_problems(folders: Sequence[tuple[Candidate, EvaluationFolder | None]]) -> None:
    """Make sure, before anything is sampled, that every model can be loaded and that both are asked the same."""
    (first, ids), *others = [(candidate, _problem_ids(candidate)) for candidate, _ in folders]
    for other, other_ids in others:
        if ids != other_ids:
            common = len(set(ids) & set(other_ids))
            raise ConfigError(
                f"{first.name} and {other.name} cannot be compared in pairs: they have {len(ids):,} and "
                f"{len(other_ids):,} problems, {common:,} of them the same; evaluate both on one file"
            )


def _problem_ids(candidate: Candidate) -> list[str]:
    if candidate.stored is None:
        return check_loadable(candidate.config)
    answers = EvaluationFolder(candidate.stored).answers()
    return answers.unique("group_id").sort("group_id")["prompt_id"].to_list()


def _compared(model: EvaluatedModel, other: EvaluatedModel) -> Comparison:
    section, seed = model.config.eval, model.config.seed
    return compare(model.problems, other.problems, ks=section.ks, resamples=section.resamples, seed=seed)
