"""Mistakes in the data: the file and the line are named."""

import json
import os

from tests.user_errors.case import Case
from tests.user_errors.cases_configuration import written
from tests.user_errors.world import PROBLEMS, online, truncate

FILE = "problems.jsonl"
# What a run writes once it has begun; one that stops at its data takes its folder with it.
BEGUN = ("run", "run/*")


def row(**values):
    return json.dumps(values) + "\n"


def refused(did, content, *says, code=3, **more):
    """Return a case of a data file with this content."""
    return Case(
        did=did,
        words=online(),
        prepare=written(FILE, content),
        code=code,
        says=(FILE, *says),
        then=online(),
        mend=good_data,
        **more,
    )


def good_data(folder):
    (folder / FILE).write_text("".join(row(**problem) for problem in PROBLEMS))


def truncated_parquet(folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(PROBLEMS), folder / "problems.parquet")
    truncate(folder / "problems.parquet")


def a_folder(folder):
    (folder / FILE).unlink()
    (folder / FILE).mkdir()


def a_pipe(folder):
    (folder / FILE).unlink()
    os.mkfifo(folder / FILE)


GOOD = row(problem="1+1", answer="2")

DATA = [
    Case(
        did="name a data file that is not there",
        words=online("data.path=none.jsonl"),
        code=3,
        says=("none.jsonl is not a file", "relative paths start at"),
    ),
    Case(
        did="name a data file of another kind",
        words=online("data.path=problems.csv"),
        code=2,
        says=("problems.csv", "'.csv'", ".jsonl and .parquet"),
    ),
    Case(
        did="name a folder as the data file",
        words=online(),
        prepare=a_folder,
        code=3,
        says=(f"{FILE} is not a file",),
    ),
    Case(
        did="name a named pipe as the data file",
        words=online(),
        prepare=a_pipe,
        code=3,
        says=(f"{FILE} is not a file",),
    ),
    refused("give an empty data file", "", "has no rows"),
    refused(
        "give a data file without the gold column",
        row(problem="1+1", result="2"),
        "no column answer",
        "found problem, result",
        "data.gold_column",
        code=2,
    ),
    refused(
        "give a data file without the prompt column",
        row(task="1+1", answer="2"),
        "no column problem or question or prompt",
        "data.prompt_column",
        code=2,
    ),
    refused("give a row that is not JSON", GOOD + "hello\n", "line 2", "not JSON", theirs=r"Expecting[^)]*\)(?=\))"),
    refused("give a row that is no object", GOOD + "[1]\n", "line 2", "found a list"),
    refused(
        "give a row that is not UTF-8",
        b'{"problem": "\xff", "answer": "1"}\n',
        "line 1",
        "byte 14 is not UTF-8",
        "save the file as UTF-8",
        theirs=r"\(invalid[^)]*\)",
    ),
    refused(
        "give a row with half of a surrogate pair", '{"problem": "\\ud800", "answer": "1"}\n', "line 1", "surrogate"
    ),
    refused("give a row without a gold", GOOD + row(problem="1+2", answer=None), "line 2", "answer is missing or null"),
    refused(
        "give a row with an object as its gold", row(problem="1+2", answer={"is": 3}), "line 1", "answer is an object"
    ),
    refused("give a row with an empty problem", row(problem=" ", answer="2"), "line 1", "problem is empty"),
    Case(
        did="set a limit that a prompt is longer than",
        words=online("data.max_prompt_tokens=3"),
        code=3,
        says=(FILE, "line 1", "13 tokens", "data.max_prompt_tokens=3"),
    ),
    Case(
        did="set a token budget that the longest prompt and a response are longer than",
        words=online("train.token_budget=9"),
        code=2,
        says=("train.token_budget=9", "together 21", "raise it"),
    ),
    Case(
        did="give a Parquet file that is cut off",
        words=online("data.path=problems.parquet"),
        prepare=truncated_parquet,
        code=3,
        says=("problems.parquet cannot be read as Parquet",),
        theirs="parquet: .*",
    ),
    Case(
        did="name held-out problems that are not there",
        words=online("eval.data=none.jsonl"),
        code=3,
        says=("none.jsonl is not a file",),
    ),
    Case(
        did="verify rows that are not there",
        words=("verify", "none.jsonl", "--out", "out.jsonl"),
        code=3,
        says=("none.jsonl",),
    ),
    Case(
        did="verify rows without a gold",
        words=("verify", "rows.jsonl", "--out", "out.jsonl"),
        prepare=written("rows.jsonl", row(id=1, pred="2")),
        code=3,
        says=("rows.jsonl", "gold"),
    ),
    Case(
        did="verify rows on stdin that are not JSON",
        words=("verify", "-", "--out", "-"),
        stdin=b"hello\n",
        code=3,
        says=("JSON",),
        theirs=r"Expecting[^)]*\)(?=\))",
    ),
]
