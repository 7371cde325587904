"""`twogrpo store`: info, show, export and import; a run that was imported is trained on."""

import json

import polars as pl
import pytest

from tests.conftest import write_rows
from tests.program import assert_one_line, run
from twogrpo import RolloutStore

HOSTILE = "\x1b[2Jgone\r\u202eback\x07\n\ttab"
CUT = "length  2 tokens  mean logprob -0.7500"
LOGGED = [
    {"prompt": f"{a}+{b}", "response": f"\\boxed{{{a + b + wrong}}}", "answer": a + b}
    for a, b in ((12, 31), (45, 21), (60, 17))
    for wrong in (0, 1)
]


@pytest.fixture
def stored(tmp_path):
    with RolloutStore.open(tmp_path / "run" / "rollouts", run_id="online") as store:
        for step in range(3):
            store.append(rows(step), step)
        store.append(rows(3), 3, phase="eval")
    return tmp_path / "run"


def rows(step):
    return pl.DataFrame(
        {
            "group_id": [2 * step, 2 * step, 2 * step + 1, 2 * step + 1],
            "rollout_idx": [0, 1, 0, 1],
            "prompt": [f"{step}+1"] * 2 + ["2+2"] * 2,
            "gold": [f"{step + 1}"] * 2 + ["4"] * 2,
            "gold_alternatives": [None, None, ["four"], ["four"]],
            "response": ["right", HOSTILE, "\n".join(map(str, range(40))), "no"],
            "response_ids": [[1], [1, 2], [1], [1]],
            "logprobs": [[-1.0], [-1.0, -0.5], [0.0], [0.0]],
            "reward": [1.0, 0.0, 1.0, 1.0],
            "advantage": [1.0, -1.0, 0.0, 0.0],
            "status": ["match", "mismatch", "match", "match"],
            "rule": ["number", "number", None, None],
            "extracted": ["1", "\x1b[31m", "4", "4"],
            "finish_reason": ["stop", "length", "stop", "stop"],
        }
    )


def test_info_prints_a_line_a_fact(stored):
    lines = run("store", "info", stored).stdout.splitlines()
    facts = {line[:14].strip(): line[14:].strip() for line in lines}
    assert facts["rollouts"] == "16"
    assert facts["mean reward"] == "eval 0.7500, train 0.7500"
    assert facts["right"] == "1/2: 3 (50%), 1: 3 (50%)"
    assert (facts["tie rate"], facts["cut share"], facts["inert share"]) == ("0.5000", "0.2500", "unknown")


def test_info_as_json_has_every_number(stored):
    found = json.loads(run("store", "info", stored, "--json").stdout)
    assert (found["pass_rates"], found["groups"]) == ({"1/2": 3, "1": 3}, 6)
    assert found["bytes_per_rollout"] == found["bytes"] / 16


def test_show_prints_the_last_decided_group(stored):
    result = run("store", "show", stored)
    assert result.stdout.splitlines() == [
        "group 4  run online  attempt 1  step 2  train  decided",
        f"prompt {RolloutStore.open(stored).scan().filter(group_id=4).collect()['prompt_id'][0]}",
        "    2+1",
        "gold   3",
        "",
        "rollout 0  reward 1  advantage +1  match by number  answer 1  stop  1 tokens  mean logprob -1.0000",
        "    right",
        "",
        rf"rollout 1  reward 0  advantage -1  mismatch by number  answer \x1b[31m  {CUT}",
        r"    \x1b[2Jgone\r\u202eback\x07",
        r"    \ttab",
    ]
    assert result.stderr == "the last of 3 such groups\n"


def test_show_lets_nothing_through_to_the_terminal(stored):
    printed = run("store", "show", stored).stdout
    assert all(character.isprintable() or character == "\n" for character in printed)


def test_show_cuts_a_long_text_in_its_middle(stored):
    cut = run("store", "show", stored, "--state", "tied").stdout.splitlines()
    assert "    ... 28 more lines; --full prints all ..." in cut
    assert "gold   4 or four" in cut
    full = run("store", "show", stored, "--state", "tied", "--full").stdout.splitlines()
    assert [line.strip() for line in full].count("20") == 1


def test_show_as_json_has_every_column(stored):
    found = json.loads(run("store", "show", stored, "--group", 2, "--json").stdout)
    assert (found["group_id"], found["state"], found["matches"]) == (2, "decided", 1)
    assert [rollout["response"] for rollout in found["rollouts"]] == ["right", HOSTILE]
    assert found["rollouts"][1]["logprobs"] == [-1.0, -0.5]


def test_export_says_what_it_has_written(stored, tmp_path):
    file = tmp_path / "rows.jsonl"
    result = run("store", "export", stored, file, "--phase", "train", "--where", "reward = 0", "--columns", "step,gold")
    assert result.stdout == f"3 rollouts written to {file}\n"
    assert pl.read_ndjson(file).rows() == [(0, "1"), (1, "2"), (2, "3")]


def test_export_to_stdout_prints_rows_alone(stored):
    result = run("store", "export", stored, "-", "--columns", "step", "--phase", "eval")
    assert result.stdout == '{"step":3}\n' * 4
    assert result.stderr == "4 rollouts written to stdout\n"


def test_an_import_says_what_it_has_done(tmp_path):
    file = write_rows(tmp_path / "logged.jsonl", LOGGED)
    words = ("store", "import", file, "--to", tmp_path / "run", "--profile", "rl")
    assert run(*words).stdout.splitlines() == [
        f"6 rollouts in 3 groups, 1 steps, in {tmp_path / 'run'}",
        "groups   rows of one prompt that follow each other",
        f"rewards  6 by {RolloutStore.open(tmp_path / 'run').scan().collect()['verifier'][0]}",
        "null     prompt_ids, response_ids, logprobs, finish_reason",
        "         dpo tokenises the text where there are no token ids",
    ]
    again = json.loads(run(*words, "--json").stdout)
    assert (again["counts"]["known"], again["source"]) == (6, "plain")


def test_dpo_trains_on_an_imported_run(tmp_path, model_folder):
    file = write_rows(tmp_path / "logged.jsonl", LOGGED)
    imported = run("store", "import", file, "--to", "run", "--model", model_folder, "data.suffix=' ='", cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    trained = run("dpo", "run", "run_dir=dpo", "train.steps=2", "train.threads=1", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "6 rollouts without token ids were tokenised from their text" in trained.stderr
    assert json.loads((tmp_path / "dpo" / "summary.json").read_text())["pairs"] == 3
    assert "suffix: ' ='" in (tmp_path / "dpo" / "config.resolved.yaml").read_text()


def test_dpo_names_the_model_where_the_import_did_not(tmp_path, model_folder):
    file = write_rows(tmp_path / "logged.jsonl", LOGGED)
    run("store", "import", file, "--to", "run", cwd=tmp_path)
    assert_one_line(run("dpo", "run", cwd=tmp_path), 2, "model.path is missing")
    dry = run("dpo", "run", f"model.path={model_folder}", "--dry-run", "--json", cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (("show", "run", "--group", 99), 3, ("holds no group of group id 99",)),
        (("show", "run", "--state", "lost"), 2, ("--state lost: expected decided, tied or failed",)),
        (("export", "run", "rows.txt"), 2, ("FILE rows.txt", ".jsonl or .parquet or .csv")),
        (("export", "run", "-", "--where", "rewrd = 0"), 2, ("there is no column rewrd; did you mean reward?",)),
        (("import", "none.jsonl", "--to", "new"), 3, ("none.jsonl is not a file",)),
        (("import", "a=b", "--to", "new"), 2, ("no file is named",)),
        (("import", "logged.jsonl", "--to", "run"), 2, ("run is no empty folder and no earlier import",)),
        (("import", "logged.jsonl", "--to", "new", "--column", "text=a"), 2, ("--column text=a: expected prompt or",)),
        (("import", "logged.jsonl", "--to", "new", "--reward", "a=b"), 2, ("--reward a=b: the weight is no number",)),
        (("import", "logged.jsonl", "--to", "new", "reward.profil=rl"), 2, ("unknown key reward.profil",)),
    ],
)
def test_a_wrong_input_is_one_line_with_an_exit_code(stored, words, code, parts):
    write_rows(stored.parent / "logged.jsonl", LOGGED)
    assert_one_line(run("store", *words, cwd=stored.parent), code, *parts)
    assert not (stored.parent / "new").exists()
