"""The embedded default as files: an ordinary Hugging Face folder and JSONL data, made once and used again.

A folder is built beside its place and moved there in one rename, its marker written last: what stands at the path is
complete. The problems of validation and test are the same for every seed; the order and display of the training
problems, the demonstrations and the weights are the seed's.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from twogrpo.errors import ConfigError
from twogrpo.tiny.demonstrations import Demonstration, demonstrations
from twogrpo.tiny.supervised import OnStep, SupervisedResult, encode_examples
from twogrpo.tiny.task import Problem, Split, problems
from twogrpo.tiny.tokenizer import build_tokenizer
from twogrpo.tiny.warmstart import WARM_START_STEPS, warm_start

__all__ = ["TinyFiles", "TinyMarker", "materialise", "split_problems"]

# Goes up whenever the same seed would give other files.
_RECIPE = 1
_MARKER = "tiny.json"
# The evaluation problems are the same for every run, or runs could not be compared.
_EVALUATION_SEED = 2024
_TEST_PER_FAMILY = 400


@dataclass(frozen=True)
class TinyMarker:
    """What `tiny.json` says about a folder."""

    recipe: int
    seed: int
    warm_start_steps: int
    warm_start_loss: float
    warm_start_cpu_seconds: float
    demonstrations: int
    demonstrations_right: float
    """Share of right demonstrations: about the most that imitation can reach."""


@dataclass(frozen=True)
class TinyFiles:
    """Where the parts of a complete folder are."""

    folder: Path

    @property
    def model(self) -> Path:
        """The warm start as a Hugging Face folder: weights, tokenizer, chat template, generation config."""
        return self.folder / "model"

    @property
    def train(self) -> Path:
        """All 8,125 training problems."""
        return self.folder / "train.jsonl"

    @property
    def validation(self) -> Path:
        """All 1,293 validation problems."""
        return self.folder / "validation.jsonl"

    @property
    def test(self) -> Path:
        """The fixed 1,200 test problems, 400 of each family."""
        return self.folder / "test.jsonl"

    @property
    def demonstrations(self) -> Path:
        """One unreliable demonstration for each training problem, in the order of `train`."""
        return self.folder / "demonstrations.jsonl"

    def marker(self) -> TinyMarker:
        """Return what was recorded when the folder was made.

        Raises:
            ConfigError: If the folder is not one that this version made completely.
        """
        path = self.folder / _MARKER
        try:
            return TinyMarker(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"{self.folder} is there, but is no complete tiny folder of this version ({path.name}: {error}); "
                "remove it or name another folder"
            ) from error


def split_problems(split: Split, seed: int) -> list[Problem]:
    """Return the problems of a split in the order of its file; only the training problems depend on the seed."""
    if split == "train":
        return problems("train", seed=seed)
    return problems(split, seed=_EVALUATION_SEED, per_family=_TEST_PER_FAMILY if split == "test" else None)


def materialise(
    folder: Path,
    seed: int,
    *,
    warm_start_steps: int = WARM_START_STEPS,
    on_step: Callable[[int, int, float], None] | None = None,
) -> TinyFiles:
    """Make the tiny model and its data, about 40 seconds of one CPU, or return the folder that is already there.

    Args:
        folder: Where the files are to be; nothing may stand there but a folder made by this function.
        seed: Seed of the weights, the demonstrations and their order.
        warm_start_steps: Optimizer steps of the warm start.
        on_step: Called after each step of the warm start with steps done, steps in all, and the batch's loss; not
            called when the folder is used again.

    Raises:
        ConfigError: If the folder holds something else, or was made with another seed or recipe.
    """
    files = TinyFiles(Path(folder))
    if not _is_free(files.folder):
        return _checked(files, seed, warm_start_steps)
    files.folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{files.folder.name}-", dir=files.folder.parent) as staging:
        # A folder inside, as the temporary one is readable by its owner only.
        made = TinyFiles(Path(staging) / "made")
        report = None if on_step is None else lambda step, loss: on_step(step, warm_start_steps, loss)
        _build(made, seed, warm_start_steps, report)
        try:
            made.folder.rename(files.folder)
        except OSError:
            # Another process was faster; its files are as good if they are the same.
            return _checked(files, seed, warm_start_steps)
    return files


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _checked(files: TinyFiles, seed: int, warm_start_steps: int) -> TinyFiles:
    marker = files.marker()
    found = (marker.recipe, marker.seed, marker.warm_start_steps)
    expected = (_RECIPE, seed, warm_start_steps)
    if found != expected:
        raise ConfigError(
            f"{files.folder} holds a tiny model of (recipe, seed, warm-start steps) {found}, not of {expected}; "
            "remove it or name another folder"
        )
    return files


def _build(files: TinyFiles, seed: int, warm_start_steps: int, on_step: OnStep | None) -> None:
    files.folder.mkdir()
    train = split_problems("train", seed)
    shown = demonstrations(train, seed=seed)
    _write_rows(files.train, map(_problem_row, train))
    _write_rows(files.validation, map(_problem_row, split_problems("validation", seed)))
    _write_rows(files.test, map(_problem_row, split_problems("test", seed)))
    _write_rows(files.demonstrations, map(_demonstration_row, shown))

    tokenizer = build_tokenizer()
    examples = encode_examples([(each.problem.question, each.response) for each in shown], tokenizer)
    model, result = warm_start(tokenizer, examples, seed=seed, steps=warm_start_steps, on_step=on_step)
    model.save_pretrained(files.model)
    tokenizer.save_pretrained(files.model)
    _write_rows(files.folder / _MARKER, [asdict(_marker(seed, result, shown))])


def _marker(seed: int, result: SupervisedResult, shown: list[Demonstration]) -> TinyMarker:
    return TinyMarker(
        recipe=_RECIPE,
        seed=seed,
        warm_start_steps=result.steps,
        warm_start_loss=result.loss,
        warm_start_cpu_seconds=result.cpu_seconds,
        demonstrations=len(shown),
        demonstrations_right=sum(each.is_right for each in shown) / len(shown),
    )


def _problem_row(problem: Problem) -> dict[str, str]:
    return {"problem": problem.question, "answer": str(problem.answer), "dataset": problem.dataset}


def _demonstration_row(shown: Demonstration) -> dict[str, str]:
    return {**_problem_row(shown.problem), "response": shown.response}


def _write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
