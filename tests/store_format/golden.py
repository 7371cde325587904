"""The golden store of schema v1 in tests/data/schema-v1, which every later version has to read.

`python -m tests.store_format.golden` writes it anew. That is right for a new schema alone: the segments that are there
are the proof that today's code reads what an earlier one has written.
"""

import json
import shutil
import tempfile
from pathlib import Path

import twogrpo as tg
from tests.store_format.rollouts import bare_rows, full_rows

FOLDER = Path(__file__).parents[1] / "data" / "schema-v1"
STORE, TABLE = FOLDER / "rollouts", FOLDER / "rollouts.json"
HASHES = {"config_hash": "c" * 64, "tokenizer_hash": "d" * 64, "template_hash": "e" * 64}
RUN = "golden"


def write_store(folder):
    """Write one segment with every column filled, one with nulls, and return the store."""
    with tg.RolloutStore.open(folder, run_id=RUN, metadata=HASHES) as store:
        store.append(full_rows(), 0)
        store.append(bare_rows(), 1, phase="eval")
    return tg.RolloutStore.open(folder)


def rows_of(store):
    """Return a store's rows as JSON has them."""
    lines = store.scan().sort("step", "group_id", "rollout_idx").collect().write_ndjson().splitlines()
    return [json.loads(line) for line in lines]


def main():
    with tempfile.TemporaryDirectory() as place:
        store = write_store(Path(place) / "rollouts")
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(store.path, STORE, ignore=shutil.ignore_patterns("lock", "tmp"))
        TABLE.write_text(json.dumps(rows_of(store), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
