"""Rollouts that are shown, exported and imported."""

import json

from tests.conftest import write_rows
from tests.user_errors.case import Case

RIGHT = {"prompt": "1+1", "response": "\\boxed{2}", "answer": "2"}
IMPORT = ("store", "import", "logged.jsonl", "--to", "imported")
STORED = ("imported", "imported/*")
VERL = {"input": "user\n1+1\nassistant\n", "output": "2", "gts": "2", "score": 1.0, "step": 1}


def logged(*rows):
    """Return what writes rows into logged.jsonl."""
    return lambda folder: write_rows(folder / "logged.jsonl", rows)


def imported_before(folder):
    """Make a run folder with the settings of an import."""
    logged(RIGHT)(folder)
    (folder / "imported").mkdir()
    (folder / "imported" / "config.resolved.yaml").write_text("source: trl\n")


def half_a_line(folder):
    (folder / "logged.jsonl").write_text(json.dumps(RIGHT) + "\n" + json.dumps(RIGHT)[:20])


def importing(did, *rows, says, words=IMPORT, code=3, **more):
    """Return a case of an import of some rows."""
    return Case(did=did, words=words, prepare=logged(*rows), says=says, code=code, **more)


EXCHANGE = [
    Case(
        did="show a group that is not there",
        needs="run",
        words=("store", "show", "run", "--group", "999"),
        code=3,
        says=("holds no group of group id 999",),
    ),
    Case(
        did="show a group in a state that there is none of",
        needs="run",
        words=("store", "show", "run", "--state", "lost"),
        code=2,
        says=("--state lost: expected decided, tied or failed",),
    ),
    Case(
        did="export rollouts into a file of another kind",
        needs="run",
        words=("store", "export", "run", "rows.txt"),
        code=2,
        says=("FILE rows.txt", ".jsonl or .parquet or .csv"),
    ),
    Case(
        did="export rollouts by a column that is not there",
        needs="run",
        words=("store", "export", "run", "rows.jsonl", "--where", "rewrd = 0"),
        code=2,
        says=("there is no column rewrd; did you mean reward?",),
    ),
    Case(
        did="export a column twice",
        needs="run",
        words=("store", "export", "run", "rows.jsonl", "--columns", "step,step"),
        code=2,
        says=("--columns names step twice",),
    ),
    Case(
        did="import a file that is not there",
        words=IMPORT,
        code=3,
        says=("logged.jsonl is not a file",),
    ),
    Case(
        did="import an empty folder",
        words=("store", "import", "empty", "--to", "imported"),
        prepare=lambda folder: (folder / "empty").mkdir(),
        code=3,
        says=("empty holds no .jsonl or .parquet file",),
    ),
    Case(
        did="import a file that breaks off",
        words=IMPORT,
        prepare=half_a_line,
        code=3,
        says=("line 2: not JSON",),
        may_write=STORED,
    ),
    importing(
        "import rows without responses", {"prompt": "1+1"}, says=("no column response", "--column response"), code=2
    ),
    importing(
        "import rows by a column that is not there",
        RIGHT,
        words=(*IMPORT, "--column", "gold=key"),
        says=("--column gold=key", "found prompt, response, answer"),
        code=2,
    ),
    importing(
        "name a column of an import for what there is not",
        RIGHT,
        words=(*IMPORT, "--column", "text=response"),
        says=("--column text=response: expected prompt or",),
        code=2,
    ),
    importing(
        "import a row without reward and gold answer",
        RIGHT | {"answer": None},
        says=("logged.jsonl, line 1: neither a reward nor a gold answer",),
    ),
    importing(
        "import a row whose response is a number",
        RIGHT,
        RIGHT | {"response": 2},
        says=("logged.jsonl, line 2: response is the number 2, expected text",),
        may_write=STORED,
    ),
    importing(
        "import rows whose steps come again",
        *({**RIGHT, "step": step} for step in (1, 2, 1)),
        says=("line 3: step 1 again", "sort the rows by step"),
        may_write=STORED,
    ),
    importing(
        "import groups of another size than is said",
        RIGHT,
        RIGHT | {"prompt": "2+2"},
        words=(*IMPORT, "--group-size", "2"),
        says=("line 2: another prompt than the row before it",),
        may_write=STORED,
    ),
    importing(
        "import logprobs that are not one a token",
        RIGHT | {"response_ids": [1, 2], "logprobs": [-1.0]},
        says=("line 1: logprobs has 1 values, but response_ids has 2 tokens",),
    ),
    importing(
        "import a conversation of several turns",
        RIGHT | {"prompt": [{"role": role, "content": "1+1"} for role in ("user", "assistant", "user")]},
        says=("messages of user, assistant, user", "data.template=none"),
    ),
    importing("import verl's dump without its model", VERL, says=("what the chat template writes", "--model"), code=2),
    importing(
        "import verl's dump under another chat template",
        VERL | {"input": "Q: 1+1\nA: "},
        words=(*IMPORT, "--model", "model"),
        says=("line 1: the input begins with 'Q: 1+1", "data.template=none"),
    ),
    importing(
        "import TRL's completions with several rewards",
        {"step": 1, "prompt": "1+1", "completion": "2", "right": 1.0, "short": 0.5, "advantage": 0.0},
        says=("several columns of numbers: right, short", "--reward right --reward short=0.5"),
        code=2,
    ),
    Case(
        did="import into the folder of another import",
        words=IMPORT,
        prepare=imported_before,
        code=2,
        says=("imported holds a run with other settings",),
    ),
    Case(
        did="import into the folder of a run",
        needs="run",
        words=(*IMPORT[:-1], "run"),
        prepare=logged(RIGHT),
        code=2,
        says=("run holds a run with other settings",),
    ),
    importing(
        "import into a folder that holds other files",
        RIGHT,
        words=(*IMPORT[:-1], "model"),
        says=("model is no empty folder and no earlier import",),
        code=2,
    ),
    Case(
        did="train with `dpo` on an import that names no model",
        words=("dpo", "imported"),
        prepare=imported_before,
        code=2,
        says=("model.path is missing",),
    ),
]
