"""`twogrpo pairs`: counted, shown, exported."""

import json
import shutil

import polars as pl
import pytest

from tests.program import assert_one_line, run
from tests.stored_run import build_run


@pytest.fixture
def stored(tmp_path, model_folder, problems):
    return build_run(tmp_path / "run", model_folder, problems, "data.system=Be brief.", "data.suffix=' Think.'")


def test_pairs_are_counted_and_shown(stored):
    result = run("pairs", stored, "--show", 6)
    assert result.returncode == 0, result.stderr
    first, *lines = result.stdout.splitlines()
    assert first == "groups 8  decided 6  tied 2  inert 0  possible pairs 6  pairs 6"
    assert "  rejected: reward 0, 9 tokens, length" in lines
    assert r"    3+4=7.\boxed{7}" in lines
    assert max(map(len, lines)) <= 80


def test_keys_choose_the_pairs(stored):
    counts = json.loads(run("pairs", stored, "pairs.cut_responses=exclude", "--show", 1, "--json").stdout)
    assert {name: counts[name] for name in ("groups", "decided", "tied", "inert", "possible_pairs", "pairs")} == {
        "groups": 8,
        "decided": 6,
        "tied": 2,
        "inert": 0,
        "possible_pairs": 6,
        "pairs": 4,
    }
    assert counts["shown"][0]["chosen"]["finish_reason"] == "stop"


def test_draws_of_a_prompt_pair_across_steps(tmp_path):
    from twogrpo import RolloutStore

    rows = {"rollout_idx": [0, 1], "prompt": "p", "response": ["a", "b"]}
    with RolloutStore.open(tmp_path, run_id="r") as store:
        for step, reward in enumerate((0.0, 1.0)):
            made = {"group_id": step, "policy_version": 3 * step, "reward": reward}
            store.append(pl.DataFrame(rows | {name: [value] * 2 for name, value in made.items()}), step)
    assert run("pairs", tmp_path).stdout.split()[-1] == "0"
    crossed = run("pairs", tmp_path, "pairs.cross_step=true", "pairs.max_staleness=3", "--show", 1)
    assert "pair 1  step 1  margin 1  staleness 3" in crossed.stdout
    none = run("pairs", tmp_path, "pairs.cross_step=true", "pairs.max_staleness=2")
    assert none.stdout.splitlines()[0].endswith("pairs 0")


def test_what_a_model_wrote_cannot_move_the_cursor(tmp_path):
    from twogrpo import RolloutStore

    rows = {"group_id": [0, 0], "rollout_idx": [0, 1], "prompt": "p", "response": ["\x1b[2Jgone\r", "x\n" * 40]}
    with RolloutStore.open(tmp_path, run_id="r") as store:
        store.append(pl.DataFrame(rows | {"reward": [1.0, 0.0]}), 0)
    shown = run("pairs", tmp_path, "--show", 1).stdout
    assert r"\x1b[2Jgone\r" in shown
    assert "\x1b" not in shown
    assert "... 29 more lines; --json prints all ..." in shown


def test_text_that_was_not_stored_is_said_and_decoded_on_export(tmp_path, model_folder, problems):
    bare = build_run(tmp_path / "bare", model_folder, problems, keep_text=False)
    assert "(not stored: store.keep_text was false)" in run("pairs", bare, "--show", 1).stdout
    exported = run("pairs", bare, "--export", "-")
    assert r"\\boxed{7}" in exported.stdout


def test_an_export_follows_the_run_s_own_prompts(stored, tmp_path):
    file = tmp_path / "pairs.jsonl"
    result = run("pairs", stored, "--export", file)
    assert result.stdout.splitlines()[-1] == f"6 pairs written to {file} (conversational)"
    first = json.loads(file.read_text().splitlines()[0])
    assert [message["content"] for message in first["prompt"]] == ["Be brief.", "10+13 Think."]
    before = file.read_bytes()
    assert_one_line(run("pairs", stored, "--export", file), 2, "already exists; add --force")
    assert file.read_bytes() == before
    replaced = run("pairs", stored, "--export", file, "--force", "--format", "standard", "--ids", "--json")
    assert json.loads(replaced.stdout)["exported"] == {"file": str(file), "format": "standard", "pairs": 6}
    first = json.loads(file.read_text().splitlines()[0])
    assert first["prompt"].startswith("<|im_start|>system\nBe brief.<|im_end|>")
    assert first["prompt_ids"]


def test_parquet_to_a_file_and_lines_to_stdout_are_the_same_pairs(stored, tmp_path):
    file = tmp_path / "pairs.parquet"
    assert run("pairs", stored, "--export", file).returncode == 0
    streamed = run("pairs", stored, "--export", "-")
    assert pl.read_parquet(file).to_dicts() == [json.loads(line) for line in streamed.stdout.splitlines()]
    assert streamed.stderr.splitlines()[-1] == "6 pairs written to stdout (conversational)"


def test_a_store_without_its_run_needs_to_be_told_how_it_asked(stored, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(stored / "rollouts", alone / "rollouts")
    assert_one_line(run("pairs", alone, "--export", "-"), 2, "no config.resolved.yaml", "say data.template=none")
    bare = ("data.template=chat", "--format", "standard")
    assert_one_line(
        run("pairs", alone, "--export", "-", *bare), 2, "name the policy's folder or hub id with model.path"
    )
    told = run("pairs", alone, "--export", "-", "data.template=chat", "data.suffix=' Now.'")
    assert json.loads(told.stdout.splitlines()[0])["prompt"] == [{"role": "user", "content": "10+13 Now."}]


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (("nowhere",), 4, ("nowhere", "holds no rollout store")),
        (("run", "pairs.yaml"), 2, ("`pairs.yaml` is not key=value",)),
        (("run", "pairs.strategy=best"), 2, ("pairs.strategy='best'", "best_worst", "nearest_length")),
        (("run", "pairs.max_staleness=2"), 3, ("no rollout has policy_version", "pairs.max_staleness=2")),
        (("run", "pairs.same_model=true"), 3, ("no rollout has model_id", "pairs.same_model=true")),
        (("run", "--export", "pairs.csv"), 2, ("--export pairs.csv: expected a file that ends in .jsonl or .parquet",)),
        (("run", "--export", "none/pairs.jsonl"), 3, ("there is no folder none",)),
        (("run", "--export", "-", "pairs.margin=1"), 3, ("makes no pair to export",)),
        (("run", "--export", "-", "data.template=none", "--format", "conversational"), 2, ("would not reproduce",)),
        (("run", "--export", "-", "--format", "standard", "model.path=./none"), 3, ("model.path=./none",)),
    ],
)
def test_a_wrong_input_is_one_line_with_an_exit_code(stored, arguments, code, parts):
    assert_one_line(run("pairs", *arguments, cwd=stored.parent), code, *parts)
    assert not list(stored.parent.glob("pairs*"))
