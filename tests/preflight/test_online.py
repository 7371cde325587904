import json
import shutil

import pytest

from twogrpo.config.origins import resolve_online
from twogrpo.errors import ConfigError, TwoGrpoError
from twogrpo.monitor import Console
from twogrpo.preflight import preflight_online, render
from twogrpo.train import train_online

KEYS = ("rollout.prompts_per_step=6", "rollout.max_new_tokens=8", "train.warmup_steps=1", "train.threads=1")
SECTIONS = [
    "configuration",
    "run folder",
    "model",
    "data",
    "evaluation data",
    "prompt",
    "reward",
    "batches",
    "memory",
    "disk",
]


@pytest.fixture
def resolved(tmp_path, model_folder, problems):
    def make(*overrides):
        sources = (f"model.path={model_folder}", f"data.path={problems}", f"run_dir={tmp_path / 'run'}")
        return resolve_online(None, [*sources, *KEYS, *overrides])

    return make


def check(resolved, **flags):
    return preflight_online(resolved.config, settings=resolved.settings, **flags)


def test_a_run_that_can_start_has_every_section_and_writes_nothing(tmp_path, resolved, problems):
    report = check(resolved(f"eval.data={problems}"))
    assert [section.title for section in report.sections] == SECTIONS
    assert report.problems == ()
    assert not (tmp_path / "run").exists()


def test_the_report_is_json_and_fits_80_columns(resolved):
    report = check(resolved())
    assert json.loads(json.dumps(report.as_json()))["is_ready"] is True
    # A path of its own is never broken.
    assert max(len(line) for line in render(report) if "/" not in line) <= 80


def test_the_embedded_default_is_whole_without_any_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = check(resolve_online(None, []))
    assert [section.title for section in report.sections] == SECTIONS
    assert (report.problems, report.warnings) == ((), ())
    assert list(tmp_path.iterdir()) == []


def test_every_problem_is_found_at_once(tmp_path, resolved):
    (tmp_path / "run").write_text("a file")
    report = check(resolved("model.path=./none", "data.path=none.jsonl", "reward.function=none.py:f"))
    assert [problem.section for problem in report.problems] == ["run folder", "model", "reward", "data"]


@pytest.mark.parametrize(
    "override",
    [
        "data.gold_column=gold",
        "data.path=none.jsonl",
        "data.max_prompt_tokens=3",
        "eval.data=none.jsonl",
        ["eval.data={problems}", "eval.max_new_tokens=250"],
        "model.path=./none",
        "model.device=warp",
        "reward.function=none.py:f",
        "rollout.max_new_tokens=250",
        "train.token_budget=15",
    ],
)
def test_what_the_run_refuses_the_preflight_refuses_in_the_same_words(resolved, override, problems):
    words = override if isinstance(override, list) else [override]
    settings = resolved(*(word.format(problems=problems) for word in words), "train.steps=1")
    with pytest.raises(TwoGrpoError) as said:
        check(settings).raise_first()
    with pytest.raises(TwoGrpoError) as met:
        train_online(settings.config)
    assert (type(said.value), str(said.value)) == (type(met.value), str(met.value))


def test_a_run_that_is_there_is_refused_and_its_resumption_is_not(resolved):
    train_online(resolved("train.steps=1").config)
    settings = resolved("train.steps=2")
    with pytest.raises(ConfigError, match="already holds a run"):
        check(settings).raise_first()
    report = check(settings, resume=True)
    assert report.as_json()["sections"]["run folder"]["changed_keys"] == [
        {"key": "train.steps", "before": 1, "after": 2}
    ]


def test_a_reward_function_is_tried(resolved, parity_reward):
    report = check(resolved(f"reward.function={parity_reward}"))
    assert report.as_json()["sections"]["reward"]["for_nothing"] == 0


def test_sections_that_need_what_is_missing_are_left_out(resolved):
    report = check(resolved("model.path=./none"))
    assert [section.title for section in report.sections] == ["configuration", "run folder", "model"]


@pytest.fixture
def source(tmp_path, resolved):
    """A run of two steps whose pairs are all decided."""
    (tmp_path / "by_place.py").write_text(
        "def reward(prompts, responses, golds):\n    return [float(place % 2) for place in range(len(responses))]\n"
    )
    keys = (f"run_dir={tmp_path / 'source'}", f"reward.function={tmp_path / 'by_place.py'}:reward", "train.steps=2")
    return train_online(resolved(*keys).config, console=Console(is_quiet=True)).path


def test_a_replay_has_a_section_and_counts_as_steps(tmp_path, resolved, source):
    report = check(resolved(f"replay.rollouts={source}", "train.steps=5", "rollout.group_size=4"))
    found = report.as_json()["sections"]
    assert (found["replay"]["batches"], found["replay"]["rollouts"]) == (2, 24)
    assert (found["batches"]["steps"], found["batches"]["rollouts"], found["batches"]["updates"]) == (5, 24 + 3 * 24, 5)
    assert not (tmp_path / "run").exists()


def test_a_replay_that_is_refused_is_one_problem(tmp_path, resolved):
    report = check(resolved(f"replay.rollouts={tmp_path / 'none'}"))
    assert [(problem.section, problem.error.exit_code) for problem in report.problems] == [("replay", 4)]


def test_a_resumed_replay_is_looked_at_from_its_checkpoint_on(resolved, source):
    keys = (f"replay.rollouts={source}", "train.steps=2")
    train_online(resolved(*keys).config, console=Console(is_quiet=True))
    shutil.rmtree(source)
    report = check(resolved(f"replay.rollouts={source}", "train.steps=3"), resume=True)
    assert report.problems == ()
    assert report.as_json()["sections"]["replay"]["batches"] == 2
