"""The dry run of an online run on OpenRLHF, where OpenRLHF is not installed."""

import json
import socket
from importlib.util import find_spec

import pytest

from twogrpo.config.origins import resolve_online
from twogrpo.errors import ConfigError, EngineError
from twogrpo.openrlhf.online import train_online_openrlhf
from twogrpo.preflight import preflight_online, render

pytestmark = pytest.mark.skipif(find_spec("openrlhf") is not None, reason="OpenRLHF is installed here")

KEYS = (
    "engine=openrlhf",
    "model.dtype=bfloat16",
    "rollout.prompts_per_step=6",
    "rollout.max_new_tokens=8",
    "train.warmup_steps=1",
    "openrlhf.micro_batch_size=2",
    "openrlhf.gpus_per_node=2",
    "openrlhf.vllm_engines=3",
)
SECTIONS = [
    "configuration",
    "packages",
    "run folder",
    "model",
    "data",
    "evaluation data",
    "prompt",
    "reward",
    "gpus",
    "batches",
    "disk",
    "command",
]


@pytest.fixture
def resolved(tmp_path, model_folder, problems, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def make(*overrides):
        sources = (f"model.path={model_folder}", f"data.path={problems}", f"run_dir={tmp_path / 'run'}")
        return resolve_online(None, [*sources, *KEYS, *overrides])

    return make


def check(resolved, **flags):
    return preflight_online(resolved.config, settings=resolved.settings, **flags)


def found(report):
    return report.as_json()["sections"]


def flags_of(report):
    words = found(report)["command"]["flags"]
    return {word: following for word, following in zip(words, [*words[1:], ""], strict=True) if word.startswith("--")}


def test_everything_but_the_packages_is_ready_and_nothing_is_written(tmp_path, resolved, problems):
    report = check(resolved(f"eval.data={problems}"))
    assert [section.title for section in report.sections] == SECTIONS
    assert [problem.section for problem in report.problems] == ["packages"]
    assert not (tmp_path / "run").exists()


def test_what_is_missing_is_found_in_the_words_of_the_run(resolved):
    settings = resolved()
    with pytest.raises(EngineError) as said:
        check(settings).raise_first()
    with pytest.raises(EngineError) as met:
        train_online_openrlhf(settings.config)
    assert str(said.value) == str(met.value)
    assert said.value.exit_code == 4


def test_a_package_is_shown_beside_its_pin(resolved):
    packages = found(check(resolved()))["packages"]
    assert packages["ray"] == {"found": None, "expected": "2.55.0", "fits": False}
    assert "  openrlhf      missing, expected 0.11.2" in list(render(check(resolved())))


def test_what_a_key_asks_in_vain_is_refused_before_the_packages(resolved):
    report = check(resolved("objective.aggregate=constant"))
    assert [problem.section for problem in report.problems] == ["keys", "packages"]
    with pytest.raises(ConfigError, match=r"objective\.aggregate=constant"):
        report.raise_first()
    assert not {"gpus", "batches", "command"} & set(found(report))


def test_memory_and_the_local_sampler_are_not_spoken_of(resolved):
    report = check(resolved())
    assert "memory" not in found(report)
    assert not {"device", "sampler"} & set(found(report)["model"])
    assert "micro_batches_at_worst" not in found(report)["batches"]


def test_batches_are_divided_among_the_ranks(resolved):
    batches = found(check(resolved("train.steps=5")))["batches"]
    assert (batches["steps"], batches["rollouts_per_step"], batches["updates_per_step"]) == (5, 12, 1)
    assert (batches["ranks"], batches["micro_batches_at_most"]) == (2, 3)


@pytest.mark.parametrize(
    ("overrides", "gpus"),
    [
        ((), (2, 3, 5)),
        (("openrlhf.mode=async", "openrlhf.vllm_tensor_parallel=2"), (2, 6, 8)),
        (("openrlhf.mode=colocated", "openrlhf.vllm_engines=2"), (2, 2, 2)),
        (("openrlhf.vllm_engines=2", "openrlhf.extra=[--train.colocate_all]"), (2, 2, 2)),
    ],
)
def test_the_gpus_that_are_taken_are_counted(resolved, overrides, gpus):
    section = found(check(resolved(*overrides)))["gpus"]
    assert (section["policy"], section["vllm"], section["gpus"]) == gpus


def test_too_few_gpus_are_a_warning_where_ray_is_to_be_found_here(resolved):
    (warning,) = found(check(resolved()))["gpus"]["warnings"]
    assert "takes 5 GPUs and torch sees" in warning


def test_a_named_cluster_is_shown_and_its_gpus_are_its_own_matter(resolved, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        section = found(check(resolved()))["gpus"]
    assert (section["ray"], section["warnings"]) == (address, [])


def test_a_cluster_that_is_not_there_is_a_problem(resolved, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    assert [problem.section for problem in check(resolved()).problems] == ["packages", "gpus"]


def test_the_command_line_is_that_of_the_run(tmp_path, resolved, model_folder, problems):
    flags = flags_of(check(resolved("train.steps=5", "openrlhf.extra=[--ds.zpg, 2]", f"eval.data={problems}")))
    assert flags["--actor.model_name_or_path"] == str(model_folder)
    assert flags["--ckpt.output_dir"] == str(tmp_path / "run" / "checkpoints" / "step-00000005")
    assert flags["--train.batch_size"] == "12"
    assert flags["--data.max_len"] == str(max(found(check(resolved()))["data"]["prompt_tokens"].values()) + 8)
    assert flags["--eval.dataset"] == str(tmp_path / "run" / "eval_prompts.parquet")
    assert flags["--ds.zpg"] == "2"
    assert "--ckpt.load_enable" not in flags


def test_a_flag_stands_on_a_line_with_its_values(resolved):
    lines = list(render(check(resolved())))
    assert "  python -m openrlhf.cli.train_ppo_ray" in lines
    assert "    --actor.eps_clip_low_high 0.2 0.2" in lines


def test_the_embedded_default_is_named_where_the_run_will_make_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keys = ("train.threads=null", "train.token_budget=16384", "openrlhf.micro_batch_size=6")
    report = check(resolve_online(None, ["engine=openrlhf", "model.dtype=bfloat16", *keys]))
    assert flags_of(report)["--actor.model_name_or_path"] == str(tmp_path / "runs" / "online" / "tiny" / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_report_is_json_and_fits_80_columns(resolved):
    report = check(resolved())
    assert json.loads(json.dumps(report.as_json()))["is_ready"] is False
    assert max(len(line) for line in render(report) if "/" not in line and "`" not in line) <= 80


def test_every_problem_is_found_at_once(tmp_path, resolved):
    (tmp_path / "run").write_text("a file")
    report = check(resolved("model.path=./none", "data.path=none.jsonl", "reward.function=none.py:f"))
    titles = [problem.section for problem in report.problems]
    assert titles == ["packages", "run folder", "model", "reward", "data"]


def test_several_updates_of_a_replayed_batch_are_refused(tmp_path, resolved):
    report = check(resolved(f"replay.rollouts={tmp_path / 'none'}", "train.rollouts_per_update=4"))
    assert [problem.section for problem in report.problems] == ["keys", "packages", "replay"]
    assert "leave it unset" in str(report.problems[0].error)
