"""Stores that are to be compacted, pruned, purged or judged again."""

import shutil

from tests.user_errors.case import Case
from tests.user_errors.cases_store import flip_a_bit
from tests.user_errors.world import online

SEGMENT = "run/rollouts/run=run/step-00000001.w0.parquet"


def a_copy_in_place(folder):
    """Put a compacted copy in the place of the run's store."""
    from twogrpo import RolloutStore
    from twogrpo.rollouts.compaction import compact

    compact(RolloutStore.open(folder / "run"), folder / "copy")
    shutil.rmtree(folder / "run" / "rollouts")
    (folder / "copy").rename(folder / "run" / "rollouts")


def maintain(did, *words, code, says, **more):
    """Return a case of a store command on a finished run."""
    return Case(did=did, needs="run", words=("store", *words), code=code, says=says, **more)


MAINTENANCE = [
    maintain(
        "compact a store into a folder that is there",
        *("compact", "run", "--to", "model"),
        code=4,
        says=("model exists already", "name a folder that is not there yet"),
    ),
    maintain(
        "compact a store into itself",
        *("compact", "run", "--to", "run/rollouts/copy"),
        code=4,
        says=("run/rollouts/copy is inside the store that is compacted",),
    ),
    maintain(
        "compact a store with a flipped bit",
        *("compact", "run", "--to", "copy"),
        prepare=flip_a_bit,
        code=4,
        says=(SEGMENT, "not those that were written", "store check --deep"),
    ),
    Case(
        did="resume a run whose store is a compacted copy",
        needs="run",
        words=(*online("train.steps=4", "checkpoint.every_steps=1"), "--resume"),
        prepare=a_copy_in_place,
        code=4,
        says=("run/rollouts is a compacted copy and takes no more rollouts",),
        may_write=("run/env.json", "run/*.yaml", "run/rollouts/_twogrpo/*"),
    ),
    maintain(
        "prune a store of nothing",
        *("prune", "run"),
        code=2,
        says=("nothing to prune is chosen", "--superseded", "--steps-before"),
    ),
    maintain(
        "prune a phase that is not there",
        *("prune", "run", "--phase", "test"),
        code=2,
        says=("phase='test' is not known", "train, eval, replay, imported"),
    ),
    maintain(
        "prune a column that every rollout needs",
        *("prune", "run", "--columns", "reward"),
        code=3,
        says=('column "reward" is not usable', "such as logprobs"),
    ),
    maintain(
        "prune a column of a store with a flipped bit",
        *("prune", "run", "--columns", "response", "--steps-before", "2"),
        prepare=flip_a_bit,
        code=4,
        says=(SEGMENT, "not those that were written"),
        may_write=("run/rollouts/run=run/step-00000000.w0.parquet", "run/rollouts/_twogrpo/*"),
    ),
    maintain(
        "judge rewards of a function again",
        *("reverify", "run"),
        code=3,
        says=("nothing that the verifier can judge again", "rewarded by reward.py:parity", "give a profile"),
    ),
    maintain(
        "judge again under a profile that is not there",
        *("reverify", "run", "--profile", "none"),
        code=2,
        says=("none", "profile"),
    ),
]
