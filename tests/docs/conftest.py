"""The folder that the pages' commands are run in: a finished online run, a dpo run on it, and small files of data."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_rows
from tests.docs.blocks import blocks_of

ROOT = Path(__file__).parents[2]
LEARNED = 48
HELDOUT = 24
ROWS = [
    {"id": "a", "gold": "133", "response": "76+57 = \\boxed{133}"},
    {"id": "b", "gold": ["2", "7"], "pred": "7"},
    {"id": "c", "gold": "1", "response": "I do not know."},
]

# Laid behind what a page says, so that a command that trains ends within seconds; nothing else is changed.
SHORTER = {
    "online": [
        "model.path=models/start",
        "data.path=problems.jsonl",
        "rollout.prompts_per_step=32",
        "rollout.max_new_tokens=48",
        "train.steps=2",
        "train.threads=1",
        "train.token_budget=4096",
        "eval.data=heldout.jsonl",
        "eval.samples=2",
        "eval.max_new_tokens=24",
    ],
    "dpo": ["train.steps=2", "train.threads=1", "eval.data=heldout.jsonl", "eval.samples=2", "eval.max_new_tokens=24"],
    "eval": ["eval.samples=2", "eval.max_new_tokens=24", "train.threads=1"],
}


def shell(command, folder):
    """Run a command of a page in a folder; return its exit code and what it printed, stdout and stderr together."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "80", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    process = subprocess.run(
        ["bash", "-c", f"{_shortened()}\n{command}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout


def _shortened():
    """Return a shell function that lays `SHORTER` behind the commands that train."""
    cases = [f'{name}) command twogrpo "$@" {" ".join(keys)} ;;' for name, keys in SHORTER.items()]
    return "\n".join(['twogrpo() { case "$*" in *--dry-run*) command twogrpo "$@"; return ;; esac',
                      'case "$1" in', *cases, '*) command twogrpo "$@" ;;', "esac", "}"])  # fmt: skip


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A folder as a reader of the quickstart has it, with a model and runs that take seconds."""
    folder = tmp_path_factory.mktemp("pages")
    rows = _problems()
    write_rows(folder / "problems.jsonl", rows[:LEARNED])
    write_rows(folder / "heldout.jsonl", rows[LEARNED // 2 :])
    write_rows(folder / "rows.jsonl", ROWS)
    for page in ("quickstart.md", "rewards.md"):
        for block in blocks_of(ROOT / "docs" / page, ROOT):
            if block.file_name:
                (folder / block.file_name).write_text(block.text + "\n")
    shutil.copytree(ROOT / "configs", folder / "configs")
    _train_model(folder / "models" / "start", rows[:LEARNED])
    shutil.copytree(folder / "models" / "start", folder / "runs" / "demo" / "online" / "tiny" / "model")
    for command in (
        "twogrpo online run_dir=runs/online",
        "twogrpo dpo runs/online run_dir=runs/dpo",
    ):
        code, printed = shell(command, folder)
        assert code == 0, printed
    shutil.copytree(folder / "runs" / "online", folder / "runs" / "demo" / "online", dirs_exist_ok=True)
    return folder


def _problems():
    """Return the first problems of the embedded task, as its file of them has them."""
    from twogrpo.tiny.task import problems

    shown = problems("train", seed=0)[: LEARNED + HELDOUT]
    return [{"problem": each.question, "answer": str(each.answer), "dataset": each.dataset} for each in shown]


def _train_model(folder, rows):
    """Save a model that knows about half of the answers to the problems, so that some groups are decided."""
    from twogrpo.tiny.model import build_model
    from twogrpo.tiny.supervised import Steps, SupervisedSettings, encode_examples, supervise
    from twogrpo.tiny.tokenizer import build_tokenizer

    tokenizer = build_tokenizer()
    model = build_model(tokenizer, 0)
    examples = encode_examples([(row["problem"], rf"\boxed{{{row['answer']}}}") for row in rows], tokenizer)
    settings = SupervisedSettings(learning_rate=3e-3, batch_size=len(examples))
    supervise(model, examples, settings, budget=Steps(45), pad_id=tokenizer.pad_token_id, seed=0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture
def scratch(template, tmp_path):
    """A copy of the template, for one page."""
    return shutil.copytree(template, tmp_path / "scratch")
