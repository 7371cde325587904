import json
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import write_rows
from twogrpo import ConfigError, DataError, RolloutStore, StoreError
from twogrpo.rollouts.decoded_prompts import PromptFrame
from twogrpo.rollouts.imports import import_rollouts
from twogrpo.rollouts.logged_rows import ColumnNames

LOGGED = Path(__file__).parents[1] / "data" / "logged"
FRAME = PromptFrame("user\n", "\nassistant\n")


@pytest.fixture
def run(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def logged(tmp_path):
    """Write rows into a file and return it."""
    return lambda rows, name="rows.jsonl": write_rows(tmp_path / name, rows)


def row(prompt, response="a", **more):
    return {"prompt": prompt, "response": response, **more}


def scored(*prompts, **more):
    return [row(prompt, reward=float(index % 2), **more) for index, prompt in enumerate(prompts)]


def stored(run, *columns):
    rows = RolloutStore.open(run).scan().sort("step", "group_id", "rollout_idx")
    return rows.select(columns).collect().rows()


def groups(run):
    """Return the prompts of each group, in the order of the store."""
    frame = RolloutStore.open(run).scan().sort("step", "group_id", "rollout_idx").collect()
    return [part["prompt"].to_list() for part in frame.partition_by("step", "group_id", maintain_order=True)]


@pytest.mark.parametrize(("folder", "template"), [("trl-chat", "chat"), ("trl-text", "none")])
def test_trl_s_completions(run, folder, template):
    report = import_rollouts([LOGGED / folder], run)
    assert (report.source, report.rewards, report.verifier) == ("trl", {"parity": 1.0}, None)
    counts = report.counts
    assert (counts.rollouts, counts.groups, counts.steps, counts.failed) == (16, 8, 2, 0)
    assert all(len(prompts) == 2 and len(set(prompts)) == 1 for prompts in groups(run))
    assert f"template: {template}" in (run / "config.resolved.yaml").read_text()
    logged = pl.read_parquet(min((LOGGED / folder).glob("*.parquet")))
    assert [each for (each,) in stored(run, "advantage")][:8] == pytest.approx(logged["advantage"].to_list())


def test_a_batch_that_trl_has_logged_at_two_steps_is_taken_once(run, logged):
    batch = [{"prompt": "p", "completion": text, "f": 1.0, "advantage": 0.0} for text in "ab"]
    rows = [{"step": step} | row for step in (1, 2) for row in batch]
    other = [{"step": 3} | row | {"completion": "c"} for row in batch]
    counts = import_rollouts([logged(rows + other)], run).counts
    assert (counts.rollouts, counts.repeated, counts.steps) == (4, 2, 2)


def test_verl_s_dump(run):
    """Its rows of one prompt do not follow each other, and its inputs hold what the template writes."""
    report = import_rollouts([LOGGED / "verl"], run, frame=lambda _: FRAME)
    assert (report.source, report.rewards, report.counts.groups) == ("verl", {"score": 1.0}, 2)
    assert stored(run, "step", "prompt", "response", "gold", "reward", "extra") == [
        (3, "12+31", "\\boxed{43}", "43", 1.0, '{"acc": 1.0}'),
        (3, "12+31", "\\boxed{44}", "43", 0.0, '{"acc": 0.0}'),
        (3, "45+21", "\\boxed{66}", "66", 1.0, '{"acc": 1.0}'),
        (3, "45+21", "\\boxed{6}", "66", 0.0, '{"acc": 0.0}'),
    ]


def test_an_input_in_another_frame_is_refused(run):
    with pytest.raises(DataError, match=r"3\.jsonl, line 1: the input begins with 'user\\n12\+31.*give data\.system"):
        import_rollouts([LOGGED / "verl"], run, frame=lambda _: PromptFrame("system\n", "\n"))


def test_without_a_tokenizer_verl_s_inputs_are_kept_on_request(run):
    with pytest.raises(ConfigError, match=r"--model, or give data\.template=none"):
        import_rollouts([LOGGED / "verl"], run)
    import_rollouts([LOGGED / "verl"], run, settings={"data": {"template": "none"}})
    assert groups(run)[0] == ["user\n12+31\nassistant\n"] * 2


def test_verl_s_uid_tells_the_groups_apart(run, logged):
    rows = [
        {"input": "p", "output": "a", "gts": None, "score": float(rollout), "step": 1, "uid": f"{sample}_{rollout}_0"}
        for rollout in (0, 1)
        for sample in ("x", "y_1")
    ]
    report = import_rollouts([logged(rows)], run, settings={"data": {"template": "none"}})
    assert (report.counts.groups, report.grouped_by) == (2, "rows of one key")
    assert stored(run, "reward") == [(0.0,), (1.0,), (0.0,), (1.0,)]


def test_rows_of_one_prompt_that_follow_each_other_are_a_group(run, logged):
    report = import_rollouts([logged(scored("p", "p", "q", "p", "p", "p"))], run)
    assert groups(run) == [["p", "p"], ["q"], ["p", "p", "p"]]
    assert report.grouped_by == "rows of one prompt that follow each other"


def test_a_step_ends_a_group(run, logged):
    rows = [*scored("p", "p", step=4), *scored("p", "p", step=2)]
    import_rollouts([logged(rows)], run)
    assert stored(run, "step", "group_id", "rollout_idx") == [
        (2, 2 << 24, 0),
        (2, 2 << 24, 1),
        (4, 4 << 24, 0),
        (4, 4 << 24, 1),
    ]


def test_a_key_tells_the_groups_apart(run, logged):
    rows = [*scored("p", "p", group="a"), *scored("q", "q", group="b"), *scored("p", "p", group="a")]
    import_rollouts([logged(rows)], run)
    assert groups(run) == [["p"] * 4, ["q"] * 2]


def test_a_group_size_tells_the_groups_apart(run, logged):
    import_rollouts([logged(scored("p", "p", "p", "p"))], run, group_size=2)
    assert groups(run) == [["p", "p"], ["p", "p"]]
    with pytest.raises(DataError, match=r"rows\.jsonl, line 3: another prompt .*every 3 rows"):
        import_rollouts([logged(scored("p", "p", "q"))], run.with_name("other"), group_size=3)


def test_rewards_that_are_missing_are_the_verifier_s(run, logged):
    rows = [row("1+1", "\\boxed{2}", answer=2), row("1+1", "\\boxed{3}", answer=2, reward=0.5)]
    rows += [row("2+2", "the answer is 4", answer=["four", "4"])] * 2
    report = import_rollouts([logged(rows)], run, settings={"reward": {"profile": "eval"}})
    assert stored(run, "reward", "status", "gold", "gold_alternatives") == [
        (1.0, "match", "2", None),
        (0.5, None, "2", None),
        (1.0, "match", "four", ["4"]),
        (1.0, "match", "four", ["4"]),
    ]
    assert (report.counts.verified, report.counts.failed) == (3, 0)
    assert report.verifier is not None
    assert report.verifier.endswith(":eval")


def test_a_reward_that_is_null_has_failed(run, logged):
    report = import_rollouts([logged([row("p", reward=None, answer=1), row("p", reward=float("nan"))])], run)
    assert (report.counts.failed, report.counts.verified) == (2, 0)


def test_several_rewards_are_added_up_by_their_weights(run, logged):
    rows = [row("p", a=1.0, b=0.5), row("p", a=1.0, b=None), row("p", a=None, b=None)]
    import_rollouts([logged(rows)], run, names=ColumnNames(rewards={"a": 1.0, "b": 2.0}))
    assert stored(run, "reward", "reward_a", "reward_b") == [(2.0, 1.0, 0.5), (1.0, 1.0, None), (None, None, None)]


def test_columns_of_the_schema_are_taken_over_and_others_kept_as_json(run, logged):
    ids = {"prompt_ids": [1], "response_ids": [2, 3], "logprobs": [-1.0, -0.5], "finish_reason": "length"}
    report = import_rollouts([logged([row("p", reward=1, note={"a": [1]}, temperature="hot", **ids)])], run)
    names = ("prompt_ids", "response_ids", "logprobs", "finish_reason", "response_len", "temperature", "extra")
    (found,) = stored(run, *names)
    assert found[:-1] == ([1], [2, 3], [-1.0, -0.5], "length", 2, None)
    assert json.loads(found[-1]) == {"note": {"a": [1]}, "temperature": "hot"}
    assert report.counts.lacking == dict.fromkeys(("prompt_ids", "response_ids", "logprobs", "finish_reason"), 0)


def test_what_an_export_writes_is_imported_alike(run, tmp_path, logged):
    from twogrpo.rollouts.export import export_rollouts

    import_rollouts([logged(scored("p", "p", "q", "q", prompt_ids=[1, 2], response_ids=[3], seed=4))], run)
    file = tmp_path / "exported.parquet"
    export_rollouts(RolloutStore.open(run)).sink_parquet(file)
    again = import_rollouts([file], tmp_path / "again")
    assert again.counts.rollouts == 4
    names = ("prompt", "response", "reward", "prompt_ids", "response_ids", "seed", "rollout_idx")
    assert stored(tmp_path / "again", *names) == stored(run, *names)


def test_the_same_files_again_store_nothing(run, logged):
    file = logged([*scored("p", "p", step=0), *scored("p", "p", step=1)])
    import_rollouts([file], run)
    before = {path: path.read_bytes() for path in RolloutStore.open(run).segments()}
    assert import_rollouts([file], run).counts.known == 4
    assert {path: path.read_bytes() for path in RolloutStore.open(run).segments()} == before


def test_further_steps_are_added(run, logged):
    import_rollouts([logged(scored("p", "p", step=0), "first.jsonl")], run)
    import_rollouts([logged(scored("p", "p", step=1), "second.jsonl")], run)
    assert len({group for (group,) in stored(run, "group_id")}) == 2


def test_other_rows_of_a_stored_step_are_refused(run, logged):
    import_rollouts([logged(scored("p", "p", step=0))], run)
    with pytest.raises(StoreError, match=r"line 1 to .*line 2: step 0 .*other rows.*--to"):
        import_rollouts([logged(scored("q", "q", step=0))], run)


def test_other_settings_are_refused(run, logged):
    file = logged(scored("p", "p"))
    import_rollouts([file], run)
    with pytest.raises(ConfigError, match="holds a run with other settings"):
        import_rollouts([file], run, settings={"reward": {"profile": "eval"}})


def test_a_folder_with_anything_else_is_refused(run, logged):
    run.mkdir()
    (run / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="no empty folder and no earlier import"):
        import_rollouts([logged(scored("p", "p"))], run)
    assert [path.name for path in run.iterdir()] == ["notes.txt"]


def test_a_bad_row_leaves_the_steps_before_it_and_can_be_mended(run, logged):
    good = scored("p", "p", step=0)
    with pytest.raises(DataError, match=r"rows\.jsonl, line 4: response is the number 3"):
        import_rollouts([logged([*good, row("q", step=1, reward=1), row("q", 3, step=1, reward=0)])], run)
    assert stored(run, "step") == [(0,), (0,)]
    report = import_rollouts([logged([*good, row("q", step=1, reward=1), row("q", "3", step=1, reward=0)])], run)
    assert (report.counts.rollouts, report.counts.known) == (4, 2)


def test_a_long_step_gets_several_segments(run, logged, monkeypatch):
    monkeypatch.setattr("twogrpo.rollouts.imported_steps._SEGMENT_ROWS", 2)
    file = logged(scored(*"ppqqrr", step=5))
    report = import_rollouts([file], run)
    assert [path.name for path in RolloutStore.open(run).segments()] == [
        "step-00000005.imported.parquet",
        "step-00000005.w1-imported.parquet",
    ]
    assert groups(run) == [["p", "p"], ["q", "q"], ["r", "r"]]
    assert (report.counts.groups, report.counts.steps) == (3, 1)
    assert import_rollouts([file], run).counts.known == 6


def test_rows_without_steps_get_some_that_split_no_group(run, logged, monkeypatch):
    monkeypatch.setattr("twogrpo.rollouts.imported_steps._SEGMENT_ROWS", 3)
    import_rollouts([logged(scored(*"ppqqrrs"))], run)
    assert stored(run, "step", "prompt") == [(0, "p")] * 2 + [(0, "q")] * 2 + [(1, "r")] * 2 + [(1, "s")]


def test_a_folder_s_files_come_by_their_numbers(tmp_path):
    folder = tmp_path / "dumps"
    folder.mkdir()
    for step in (10, 9):
        write_rows(folder / f"{step}.jsonl", scored("p", "p"))
    from twogrpo.rollouts.imports import logged_files

    assert [file.name for file in logged_files([folder])] == ["9.jsonl", "10.jsonl"]


BAD = [
    ({"reward": "high"}, "reward is text, expected a number"),
    ({"reward": 1e39}, "reward is the number 1e\\+39, expected a number that float32 holds"),
    ({"reward": True}, "reward is true or false"),
    ({"prompt": None, "reward": 1}, "prompt is missing or null"),
    ({"prompt": "\ud800", "reward": 1}, "half of a surrogate pair"),
    ({"prompt": [{"role": "user"}], "reward": 1}, "message 1 of prompt, content is missing"),
    ({"prompt": ["hi"], "reward": 1}, "message 1 of prompt is text"),
    (
        {"prompt": [{"role": "assistant", "content": "a"}], "reward": 1},
        "messages of assistant; expected one",
    ),
    ({"response": [], "reward": 1}, "messages of nobody; expected one of the assistant"),
    ({"step": 1.5, "reward": 1}, "step is the number 1.5"),
    ({"step": -1, "reward": 1}, "step is the number -1"),
    ({"group": [1], "reward": 1}, "group is a list"),
    ({"response_ids": [1, -1], "reward": 1}, r"response_ids\[1\] is the number -1, expected a list of token ids"),
    ({"response_ids": "1 2", "reward": 1}, "response_ids is text"),
    ({"response_ids": [1], "logprobs": [-1, -2], "reward": 1}, "logprobs has 2 values, but response_ids has 1 tokens"),
    ({"answer": {"a": 1}}, "answer is an object"),
    ({}, "neither a reward nor a gold answer"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_a_row_that_is_no_rollout_is_named(run, logged, given, message):
    values = {"prompt": "p", "response": "a"} | given
    with pytest.raises(DataError, match=rf"rows\.jsonl, line 1.*{message}"):
        import_rollouts([logged([values])], run)
    assert not run.exists()


def test_a_step_that_comes_again_is_named(run, logged):
    rows = [row("p", step=step, reward=1) for step in (1, 2, 1)]
    with pytest.raises(DataError, match=r"line 3: step 1 again, behind other steps; sort the rows by step"):
        import_rollouts([logged(rows)], run)


def test_messages_of_several_systems_are_refused(run, logged):
    rows = [
        row([{"role": "system", "content": text}, {"role": "user", "content": "p"}], reward=1) for text in ("a", "b")
    ]
    with pytest.raises(DataError, match=r"line 2: the system message is 'b', in the first row"):
        import_rollouts([logged(rows)], run)


def test_several_columns_of_numbers_in_trl_s_table_have_to_be_named(run, logged):
    rows = [{"step": 1, "prompt": "p", "completion": "a", "right": 1.0, "short": 0.5, "advantage": 0.0}]
    with pytest.raises(ConfigError, match="several columns of numbers: right, short; name the rewards"):
        import_rollouts([logged(rows)], run)


def test_a_column_that_is_not_there_is_named(run, logged):
    with pytest.raises(ConfigError, match=r"--column gold=key: .*line 1 has no such column; found prompt, response"):
        import_rollouts([logged([row("p")])], run, names=ColumnNames(gold="key"))
    with pytest.raises(ConfigError, match=r"no column response or completion or output; found prompt; name it"):
        import_rollouts([logged([{"prompt": "p"}])], run)


@pytest.mark.parametrize("name", ["step", "group"])
def test_a_column_that_begins_late_is_named(run, logged, name):
    with pytest.raises(DataError, match=rf"line 2: {name}, which the first row .* lacks"):
        import_rollouts([logged([row("p", reward=1), row("p", reward=0, **{name: 1})])], run)


def test_a_file_without_rows_is_named(run, logged):
    with pytest.raises(DataError, match="no row; expected one rollout a row"):
        import_rollouts([logged([])], run)
