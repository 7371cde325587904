"""Stores that are none, damaged or of another version, and pairs that cannot be trained on."""

import shutil

from tests.user_errors.case import Case
from tests.user_errors.cases_configuration import written
from tests.user_errors.cases_model import small_vocabulary
from tests.user_errors.cases_run import cut, removed
from tests.user_errors.world import DPO, dpo, edit_json

SEGMENT = "run/rollouts/run=run/step-00000001.w0.parquet"
MARKER = "run/rollouts/_twogrpo/store.json"


def flip_a_bit(folder):
    content = bytearray((folder / SEGMENT).read_bytes())
    content[len(content) // 3] ^= 1
    (folder / SEGMENT).write_bytes(content)


def later_schema(folder):
    import pyarrow.parquet as pq

    table = pq.ParquetFile(folder / SEGMENT).read()
    metadata = {**(table.schema.metadata or {}), b"twogrpo.schema_version": b"2"}
    pq.write_table(table.replace_schema_metadata(metadata), folder / SEGMENT)


def every_reward_equal(folder):
    import polars as pl

    import twogrpo as tg

    rows = tg.RolloutStore.open(folder / "run").scan().select("group_id", "rollout_idx", "prompt", "response").collect()
    shutil.rmtree(folder / "run" / "rollouts")
    with tg.RolloutStore.open(folder / "run" / "rollouts", run_id="run") as store:
        store.append(rows.unique(["group_id", "rollout_idx"]).with_columns(reward=pl.lit(1.0, pl.Float32)), 0)


def no_policy_known(folder):
    # A program that logs into a store may say nothing about who sampled its rollouts.
    every_reward_equal(folder)


def logged_with(prompt_ids, response_ids):
    """Return how another program logs a pair into the run's store, with these token ids of the rejected rollout."""

    def prepare(folder):
        import polars as pl

        import twogrpo as tg

        rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt_id": ["p", "p"], "reward": [1.0, 0.0]}
        ids = {"prompt_ids": [[1], prompt_ids], "response_ids": [[2], response_ids]}
        shutil.rmtree(folder / "run" / "rollouts")
        with tg.RolloutStore.open(folder / "run" / "rollouts", run_id="run") as store:
            store.append(pl.DataFrame({**rows, **ids}), 0)

    return prepare


def another_tokenizer(folder):
    from transformers import AutoTokenizer

    shutil.copytree(folder / "model", folder / "other")
    tokenizer = AutoTokenizer.from_pretrained(folder / "other")
    tokenizer.add_tokens(["<think>"])
    tokenizer.save_pretrained(folder / "other")


def smaller_model(folder):
    small_vocabulary(folder)
    edit_json(folder / "model" / "generation_config.json", eos_token_id=None, pad_token_id=None)


def store(command, did, prepare, says, **more):
    """Return a case of a command on a run with a damaged store."""
    words = {
        "info": ("store", "info", "run"),
        "check": ("store", "check", "run"),
        "deep": ("store", "check", "run", "--deep"),
        "pairs": ("pairs", "run"),
        "dpo": dpo(),
    }[command]
    return Case(did=did, needs="run", words=words, prepare=prepare, says=says, **more)


STORE = [
    Case(
        did="look for a store in a folder that holds none",
        words=("store", "info", "model"),
        code=4,
        says=("model holds no rollout store", "name the folder of a run"),
    ),
    Case(
        did="look for a store in a file",
        words=("store", "info", "problems.jsonl"),
        code=4,
        says=("problems.jsonl is a file",),
    ),
    Case(
        did="look for pairs in a folder that is not there",
        words=("pairs", "none"),
        code=4,
        says=("none holds no rollout store",),
    ),
    store(
        "info",
        "open a store of a later format",
        written(MARKER, '{"format": 2, "uuid": "0"}'),
        ("store.json", "found 2", "format 1"),
        code=4,
    ),
    store(
        "info",
        "open a store whose marker is damaged",
        written(MARKER, "{"),
        ("store.json is damaged", "format 1", "store check --repair"),
        theirs=r"EOF while[^)]*(?=\))",
        code=4,
    ),
    store(
        "info",
        "open a store whose folder `_twogrpo` was deleted",
        removed("run/rollouts/_twogrpo"),
        ("run/rollouts holds segments and no _twogrpo/store.json", "store check --repair"),
        code=4,
    ),
    Case(
        did="repair a folder that is no store",
        words=("store", "check", "model", "--repair"),
        code=4,
        says=("model holds no rollout store",),
    ),
    store("info", "open a store with a segment of a later schema", later_schema, (SEGMENT, "schema version 2"), code=4),
    store(
        "check",
        "check a store with a segment of a later schema",
        later_schema,
        (SEGMENT, "schema version 2, expected 1"),
        code=3,
        is_result=True,
    ),
    store(
        "info",
        "read a store with a segment that is cut off",
        cut(SEGMENT),
        (SEGMENT,),
        theirs=r"\(Parquet[^)]*\)",
        code=4,
    ),
    store(
        "pairs",
        "make pairs of a store with a segment that is cut off",
        cut(SEGMENT),
        (SEGMENT,),
        theirs=r"\(Parquet[^)]*\)",
        code=4,
    ),
    store(
        "check",
        "check a store with a segment that is cut off",
        cut(SEGMENT),
        (SEGMENT, "no readable footer"),
        theirs=r"\(Parquet[^)]*\)",
        code=3,
        is_result=True,
    ),
    store(
        "deep",
        "check a store with a flipped bit",
        flip_a_bit,
        (SEGMENT, "not those that were written"),
        code=3,
        is_result=True,
    ),
    store(
        "dpo",
        "train on a store with a segment that is cut off",
        cut(SEGMENT),
        (SEGMENT, "store check --deep"),
        theirs=r"\(Parquet[^)]*\)",
        code=4,
    ),
    store(
        "dpo",
        "train on a store with a flipped bit",
        flip_a_bit,
        (SEGMENT, "not those that were written", "store check --deep"),
        code=4,
    ),
    store("dpo", "train on a run whose store is lost", removed("run/rollouts"), ("holds no rollout store",), code=4),
    Case(
        did="train with `dpo` on a folder that is no run",
        words=("dpo", "model"),
        code=3,
        says=("model is not a run folder", "config.resolved.yaml"),
    ),
    Case(
        did="train with `dpo` on a dpo run",
        needs="dpo",
        words=("dpo", "dpo", "run_dir=again"),
        code=3,
        says=("dpo is the folder of a dpo run", "name the online run"),
    ),
    Case(
        did="train with `dpo` where every group is tied",
        needs="run",
        words=dpo(),
        prepare=every_reward_equal,
        code=3,
        says=("makes no pair", "twogrpo pairs"),
    ),
    Case(
        did="mistype the name of a strategy of pairs",
        needs="run",
        words=("pairs", "run", "pairs.strategy=nearest"),
        code=2,
        says=("pairs.strategy='nearest'", "nearest_length", "sweet_spot"),
    ),
    Case(
        did="limit the staleness of pairs where no rollout knows its policy's version",
        needs="run",
        words=("pairs", "run", "pairs.max_staleness=1"),
        prepare=no_policy_known,
        code=3,
        says=("no rollout has policy_version", "pairs.max_staleness=1", "leave that key unset"),
    ),
    Case(
        did="train with `dpo` on a model with another tokenizer",
        needs="run",
        words=dpo("model.path=other"),
        prepare=another_tokenizer,
        code=3,
        says=("model.path=other has another tokenizer", "the model that their run started from"),
    ),
    Case(
        did="train with `dpo` under a token budget that holds no pair",
        needs="run",
        words=dpo("train.token_budget=10"),
        code=2,
        says=("train.token_budget=10 cannot hold the longest pair", "raise it"),
    ),
    Case(
        did="train with `dpo` against a reference that is not there",
        needs="run",
        words=dpo("dpo.reference=./none"),
        code=3,
        says=("dpo.reference=./none: no such folder",),
    ),
    Case(
        did="train with `dpo` on token ids below 0",
        needs="run",
        words=dpo(),
        prepare=logged_with([1], [2, -100]),
        code=3,
        says=("has -100 among its response_ids", "count from 0", "without what they were padded with"),
    ),
    Case(
        did="train with `dpo` on a rollout without a token in its prompt",
        needs="run",
        words=dpo(),
        prepare=logged_with([], [2]),
        code=3,
        says=("has no token in its prompt_ids", "leave prompt_ids null"),
    ),
    Case(
        did="train with `dpo` on a model that embeds fewer tokens",
        needs="run",
        words=("dpo", "run", *DPO),
        prepare=smaller_model,
        code=3,
        says=("token ids up to", "embeds 0 to 19"),
    ),
]
