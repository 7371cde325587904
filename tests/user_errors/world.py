"""What stands around a user who makes a mistake: a model, problems, a reward, a finished run; a folder a case."""

import json
import shutil
from functools import cached_property
from pathlib import Path

from tests.conftest import PARITY_REWARD, build_model_folder, write_rows
from tests.program import Program

SMALL = ("rollout.prompts_per_step=6", "rollout.max_new_tokens=8", "train.threads=1", "log.every_steps=1000000")
SOURCES = ("model.path=model", "data.path=problems.jsonl", "reward.function=reward.py:parity")
DPO = ("run_dir=dpo", "train.steps=2", "train.rollouts_per_update=4", "train.threads=1")
PROBLEMS = [{"problem": f"{a}+{a + 3}", "answer": str(2 * a + 3)} for a in range(10, 40)]


def online(*keys):
    """Return the words of a small online run."""
    return ("online", "run_dir=run", *SOURCES, *SMALL, "train.steps=3", *keys)


def dpo(*keys):
    """Return the words of a small dpo run on the finished online run."""
    return ("dpo", "run", *DPO, *keys)


class World:
    """The material of every case, made once; a case works on a copy in a folder of its own."""

    def __init__(self, root):
        self.root = root

    def place(self, name):
        """Return a new folder with `model`, `problems.jsonl` and `reward.py`."""
        folder = self.root / name / "here"
        folder.mkdir(parents=True)
        shutil.copytree(self._model, folder / "model")
        write_rows(folder / "problems.jsonl", PROBLEMS)
        (folder / "reward.py").write_text(PARITY_REWARD)
        return folder

    def start(self, folder, *words, stdin=b""):
        """Start the program in a folder; what it prints goes beside that folder."""
        number = len(list(folder.parent.iterdir()))
        log = folder.parent / f"log-{number}"
        log.mkdir()
        return Program(folder, words, stdin=stdin, log=log)

    def run(self, folder, *words, stdin=b""):
        """Return what the program comes to in a folder."""
        return self.start(folder, *words, stdin=stdin).wait()

    def with_run(self, folder):
        """Put the finished online run, three steps with a checkpoint each of the last two, into a folder as `run`."""
        shutil.copytree(self._finished_run, folder / "run")

    def with_dpo(self, folder):
        """Put the finished dpo run into a folder as `dpo`, beside the online run."""
        self.with_run(folder)
        shutil.copytree(self._finished_dpo, folder / "dpo")

    @cached_property
    def _model(self) -> Path:
        return build_model_folder(self.root / "model")

    @cached_property
    def _finished_run(self) -> Path:
        folder = self.place("finished-run")
        self._succeed(folder, *online("checkpoint.every_steps=1"))
        return folder / "run"

    @cached_property
    def _finished_dpo(self) -> Path:
        folder = self.place("finished-dpo")
        self.with_run(folder)
        self._succeed(folder, *dpo("checkpoint.every_steps=1"))
        return folder / "dpo"

    def _succeed(self, folder, *words):
        outcome = self.run(folder, *words)
        if outcome.code != 0:
            raise RuntimeError(f"the material cannot be made: {outcome.stderr}")


def rewrite(path, old, new):
    """Replace text in a file; the text has to be there."""
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{path} does not hold {old!r}")
    path.write_text(text.replace(old, new))


def truncate(path):
    """Cut a file to half its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def edit_json(path, **values):
    """Set keys of a JSON object in a file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
