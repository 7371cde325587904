"""Stored rollouts that a new run cannot be trained on, or no longer."""

import shutil

from tests.user_errors.case import Case
from tests.user_errors.cases_store import SEGMENT, every_reward_equal, flip_a_bit
from tests.user_errors.world import SMALL, SOURCES

BEGUN = ("new", "new/*")


def replay(*keys, steps=2):
    """Return the words of a small online run that begins with the rollouts of the finished one."""
    named = ("run_dir=new", "replay.rollouts=run", f"train.steps={steps}")
    return ("online", *named, *SOURCES, *SMALL, "checkpoint.every_steps=1", *keys)


def stored_with(values=(), drop=None):
    """Return a change of the finished run's store: columns with other values, or without the rollout of one row."""

    def change(folder):
        import polars as pl

        import twogrpo as tg

        rows = tg.RolloutStore.open(folder / "run").scan().sort("group_id", "rollout_idx").collect()
        given = ("run", "run_id", "writer", "phase", "attempt", "rollout_id", "logprob_sum")
        rows = rows.drop(given).with_columns(pl.lit(value, rows.schema[name]).alias(name) for name, value in values)
        if drop is not None:
            rows = rows.with_row_index("row").filter(pl.col("row") != drop).drop("row")
        shutil.rmtree(folder / "run" / "rollouts")
        with tg.RolloutStore.open(folder / "run" / "rollouts", run_id="run") as store:
            for part in rows.partition_by("step", maintain_order=True):
                store.append(part.drop("step"), part["step"][0])

    return change


def resumed_after(change):
    """Return how a replay is begun, its source or its folder changed, and the run resumed."""

    def drive(world, folder, case):
        begun = world.run(folder, *replay(steps=1))
        if begun.code != 0:
            raise RuntimeError(f"the replay cannot begin: {begun.stderr}")
        change(folder)
        return world.run(folder, *case.words)

    return drive


def refused(did, says, code=3, keys=(), **more):
    """Return a case of a replay of the finished run."""
    return Case(did=did, needs="run", words=replay(*keys), code=code, says=says, **more)


REPLAY = [
    refused(
        "replay rollouts of a folder that holds none",
        ("model holds no rollout store", "name the folder of a run"),
        code=4,
        keys=("replay.rollouts=model",),
    ),
    refused(
        "give `replay.steps` without rollouts",
        ("replay.steps=2 has nothing to replay", "replay.rollouts"),
        code=2,
        keys=("replay.rollouts=null", "replay.steps=2"),
    ),
    refused(
        "replay more steps than are stored",
        ("replay.steps=9 is more than the 3 steps", "run/rollouts"),
        code=2,
        keys=("replay.steps=9",),
    ),
    refused(
        "replay without a correction for who sampled",
        ("objective.importance.level=off", "use token or sequence"),
        code=2,
        keys=("objective.importance.level=off",),
    ),
    refused(
        "replay a run into its own folder",
        ("run_dir=run holds the rollouts to train on", "another folder"),
        code=2,
        keys=("run_dir=run", "--force"),
    ),
    refused(
        "replay rollouts that were sampled at another temperature",
        ("run/rollouts, run run, step 0, group 0, rollout 0", "at temperature 1, and rollout.temperature=0.7"),
        keys=("rollout.temperature=0.7",),
    ),
    refused(
        "replay rollouts from a truncated distribution",
        ("truncated distribution (top_p 0.9", "top_p=1"),
        prepare=stored_with([("top_p", 0.9)]),
    ),
    refused("replay rollouts without logprobs", ("no logprobs are stored",), prepare=stored_with([("logprobs", None)])),
    refused(
        "replay rollouts with raw logprobs",
        ("of kind raw, expected processed", "logprobs_mode=processed_logprobs"),
        prepare=stored_with([("logprob_kind", "raw")]),
    ),
    refused(
        "replay rollouts without token ids",
        ("no token ids are stored",),
        prepare=stored_with([("prompt_ids", None), ("prompt_len", None)]),
    ),
    refused(
        "replay a group that is not whole",
        ("run run, step 1: group 8 has 1 rollout, others have 2", "replay.steps=1 takes the steps before it"),
        prepare=stored_with(drop=17),
    ),
    refused(
        "replay rollouts longer than the token budget",
        ("the longest replayed rollout", "more than train.token_budget=12", "raise it"),
        code=2,
        keys=("train.token_budget=12",),
    ),
    refused(
        "replay rollouts with token ids that the model does not know",
        ("token ids up to 99999", "name the model"),
        prepare=stored_with([("prompt_ids", [99999])]),
    ),
    refused(
        "replay rollouts that are all tied",
        ("has nothing to replay", "18 are tied and 0 inert"),
        prepare=stored_with([("reward", 1.0)]),
    ),
    refused("replay rollouts that say nothing of how they were sampled", ("no token ids",), prepare=every_reward_equal),
    refused("replay a store with a flipped bit", (SEGMENT, "store check --deep"), code=4, prepare=flip_a_bit),
    refused(
        "change the rollouts while their replay waits to be resumed",
        ("run run, step 1: its rollouts are not those that the run began to replay",),
        keys=("--resume",),
        drive=resumed_after(stored_with([("reward", 1.0)])),
        may_write=(*BEGUN, "run/*"),
    ),
    refused(
        "damage replay.json before the run is resumed",
        ("new/replay.json", "put it back as it was"),
        keys=("--resume",),
        drive=resumed_after(lambda folder: (folder / "new" / "replay.json").write_text("{")),
        may_write=BEGUN,
        theirs=r"\(Expecting[^)]*\)[^;]*(?=;)",
    ),
]
