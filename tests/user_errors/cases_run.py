"""Mistakes about the run folder, and run folders that something has damaged; a resumed run never loses its steps."""

import shutil

from tests.user_errors.case import Case
from tests.user_errors.cases_configuration import written
from tests.user_errors.world import dpo, online, truncate

GOING_ON = (*online("train.steps=4", "checkpoint.every_steps=1"), "--resume")
NEWEST = "run/checkpoints/step-00000003"
AS_BEFORE = "move the folder away to resume from step-00000002"


def removed(name):
    """Return a preparation that takes a file or folder away."""

    def prepare(folder):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return prepare


def cut(name):
    """Return a preparation that cuts a file to half its bytes."""
    return lambda folder: truncate(folder / name)


def moved_away(folder):
    (folder / NEWEST).rename(folder / "elsewhere")


def damaged_checkpoint(did, prepare, *says, **more):
    """Return a case of a newest checkpoint that cannot be used; the run goes on from the one before."""
    return Case(
        did=did,
        needs="run",
        words=GOING_ON,
        prepare=prepare,
        code=4,
        says=(NEWEST, *says, AS_BEFORE),
        then=GOING_ON,
        mend=moved_away,
        **more,
    )


def damaged_metrics(folder):
    path = folder / "run" / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "half a li\n", *lines[1:]]))


def repaired_metrics(folder):
    path = folder / "run" / "metrics.jsonl"
    path.write_text(path.read_text().replace("half a li\n", ""))


RUN_FOLDER = [
    Case(
        did="name the folder of a run that is there",
        needs="run",
        words=online(),
        code=2,
        says=("run_dir=run already holds a run", "--resume", "--force"),
    ),
    Case(
        did="replace a run by one whose model is not there",
        needs="run",
        words=(*online("model.path=./none"), "--force"),
        code=3,
        says=("model.path=./none: no such folder",),
        may_write=("run/rollouts/_twogrpo/lock/*",),
        then=GOING_ON,
    ),
    Case(
        did="replace a run by one whose data are damaged",
        needs="run",
        words=(*online("data.path=bad.jsonl"), "--force"),
        prepare=written("bad.jsonl", "{\n"),
        code=3,
        says=("bad.jsonl, line 1: not JSON",),
        theirs=r"(?<=not JSON \().*(?=\);)",
        may_write=("run/rollouts/_twogrpo/lock/*",),
        then=GOING_ON,
    ),
    Case(
        did="let `dpo` replace the run whose rollouts it reads",
        needs="run",
        words=(*dpo("run_dir=run"), "--force"),
        code=2,
        says=("run_dir=run holds the rollouts to train on",),
    ),
    Case(
        did="name a folder with other files",
        words=online("run_dir=model"),
        code=2,
        says=("run_dir=model holds other files and no run",),
    ),
    Case(
        did="name a file as the run folder",
        words=online("run_dir=problems.jsonl"),
        code=2,
        says=("run_dir=problems.jsonl is a file, expected a folder",),
    ),
    Case(
        did="name a run folder inside a file",
        words=online("run_dir=problems.jsonl/run"),
        code=2,
        says=("run_dir=problems.jsonl/run", "name another folder"),
    ),
    Case(
        did="resume with another group size",
        needs="run",
        words=(*online("rollout.group_size=4"), "--resume"),
        code=2,
        says=("--resume cannot change rollout.group_size=4", "the run has 2"),
    ),
    Case(
        did="resume `dpo` with other pairs",
        needs="dpo",
        words=(*dpo("pairs.seed=3"), "--resume"),
        code=2,
        says=("--resume cannot change pairs.seed=3",),
    ),
    Case(
        did="resume `dpo` with another run's rollouts",
        needs="dpo",
        words=(*dpo(), "--resume"),
        prepare=lambda folder: min((folder / "run" / "rollouts" / "run=run").iterdir()).unlink(),
        code=3,
        says=("dpo/pairs.parquet", "other pairs"),
        may_write=("dpo/*",),
    ),
    Case(
        did="resume `dpo` when its pairs are damaged",
        needs="dpo",
        words=(*dpo("train.steps=3"), "--resume"),
        prepare=cut("dpo/pairs.parquet"),
        code=3,
        says=("dpo/pairs.parquet cannot be read", "move it away"),
        theirs=r"parquet: [^)]*(?=\))",
        may_write=("dpo/rollouts/*",),
        then=(*dpo("train.steps=3"), "--resume"),
        mend=removed("dpo/pairs.parquet"),
    ),
    Case(
        did="resume a run whose configuration is lost",
        needs="run",
        words=GOING_ON,
        prepare=removed("run/config.resolved.yaml"),
        code=2,
        says=("run_dir=run holds a run without config.resolved.yaml", "put it back"),
    ),
    Case(
        did="resume a run whose configuration is damaged",
        needs="run",
        words=GOING_ON,
        prepare=written("run/config.resolved.yaml", "model: [1"),
        code=2,
        says=("run/config.resolved.yaml: not a readable YAML file", "put the file back"),
        theirs="while parsing.*(?=; put)",
    ),
    Case(
        did="resume a run whose metrics are damaged in the middle",
        needs="run",
        words=GOING_ON,
        prepare=damaged_metrics,
        code=3,
        says=("run/metrics.jsonl, line 2", "take it out", "--resume"),
        may_write=("run/rollouts/*", "run/env.json", "run/config.resolved.yaml"),
        then=GOING_ON,
        mend=repaired_metrics,
    ),
    damaged_checkpoint(
        "resume from a checkpoint whose weights are cut off",
        cut(f"{NEWEST}/model.safetensors"),
        "model.safetensors cannot be read",
        theirs=r"(?<=read: ).*?(?=;)",
    ),
    damaged_checkpoint(
        "resume from a checkpoint without weights", removed(f"{NEWEST}/model.safetensors"), "holds no weights"
    ),
    damaged_checkpoint(
        "resume from a checkpoint without its optimizer",
        removed(f"{NEWEST}/optimizer.pt"),
        "optimizer.pt cannot be read",
    ),
    damaged_checkpoint(
        "resume from a checkpoint whose optimizer is cut off",
        cut(f"{NEWEST}/optimizer.pt"),
        "optimizer.pt cannot be read",
        theirs=r"PytorchStreamReader[^)]*(?=\))",
    ),
    damaged_checkpoint(
        "resume from a checkpoint whose state is damaged",
        written(f"{NEWEST}/trainer_state.json", '{"step": 3, "x":'),
        "trainer_state.json cannot be read",
        theirs=r"Expecting[^)]*\)",
    ),
    damaged_checkpoint(
        "resume from a checkpoint whose state is empty",
        written(f"{NEWEST}/trainer_state.json", "{}"),
        "trainer_state.json is not the state of step-00000003",
    ),
    Case(
        did="resume a run whose configuration is empty",
        needs="run",
        words=GOING_ON,
        prepare=written("run/config.resolved.yaml", ""),
        code=2,
        says=("run/config.resolved.yaml: not the configuration of a run", "put the file back"),
    ),
]
