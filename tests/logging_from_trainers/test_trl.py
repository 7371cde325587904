"""TRL's own trainer logs into a store, and what it logs by itself is imported; dpo trains on both."""

import polars as pl
import pytest

import twogrpo as tg
from tests.logging_from_trainers.page import example
from twogrpo.config import DpoConfig
from twogrpo.monitor import Console
from twogrpo.rollouts.imports import import_rollouts

trl = pytest.importorskip("trl", reason="a step of TRL's trainer needs `pip install '.[bench]'`")

# TRL and what it imports warn about their own future; each trains a model.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

STEPS, GROUP = 2, 2


def parity(completions, **_):
    """Decides pairs whatever the model writes."""
    texts = [each if isinstance(each, str) else each[-1]["content"] for each in completions]
    return [float(sum(map(ord, text)) % 2) for text in texts]


@pytest.fixture
def train(model_folder, tmp_path, monkeypatch):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.chdir(tmp_path)

    def make(reward, *, is_chat, **settings):
        texts = [f"{a}+{a + 1}=" for a in range(10, 18)]
        prompts = [[{"role": "user", "content": text}] for text in texts] if is_chat else texts
        trainer = trl.GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(model_folder),
            reward_funcs=reward,
            args=trl.GRPOConfig(
                output_dir=str(tmp_path / "trl"),
                max_steps=STEPS,
                num_generations=GROUP,
                per_device_train_batch_size=8,
                max_completion_length=8,
                logging_steps=1,
                use_cpu=True,
                bf16=False,
                report_to="none",
                save_strategy="no",
                **settings,
            ),
            callbacks=[reward] if hasattr(reward, "on_step_begin") else None,
            train_dataset=Dataset.from_dict({"prompt": prompts, "solution": ["21"] * len(texts)}),
            processing_class=AutoTokenizer.from_pretrained(model_folder),
        )
        trainer.train()
        return trainer

    return make


def prefer(config, rollouts):
    return tg.train_dpo(config, rollouts, console=Console(is_quiet=True))


def settings(tmp_path, model_folder, template):
    keys = [f"run_dir={tmp_path / 'dpo'}", f"model.path={model_folder}", f"data.template={template}"]
    return DpoConfig.load(None, [*keys, "train.steps=2", "train.threads=1", "train.rollouts_per_update=4"])


def test_the_example_of_the_page_logs_every_step(train, tmp_path, model_folder):
    with tg.RolloutStore.open(tmp_path / "rollouts", run_id="trl") as store:
        train(example("StoredReward")(parity, store, GROUP), is_chat=True, eval_strategy="no")
        store.flush()
        rows = store.scan().sort("step", "group_id", "rollout_idx").collect()
        assert store.check(deep=True).ok
    assert rows["step"].to_list() == [0] * 8 + [1] * 8
    assert rows["rollout_idx"].to_list() == [0, 1] * 8
    assert rows.group_by("group_id").agg(pl.col("prompt").n_unique())["prompt"].to_list() == [1] * 8
    assert rows["gold"].unique().to_list() == ["21"]
    assert rows["response_ids"].null_count() == 0
    assert prefer(settings(tmp_path, model_folder, "chat"), tmp_path / "rollouts").summary["pairs"] > 0


@pytest.mark.parametrize("is_chat", [True, False])
def test_trl_s_own_log_is_imported_and_trained_on(train, tmp_path, model_folder, is_chat):
    trainer = train(parity, is_chat=is_chat, log_completions=True)
    report = import_rollouts([tmp_path / "trl" / "completions"], tmp_path / "run")
    assert (report.source, report.rewards) == ("trl", {"parity": 1.0})
    assert (report.counts.rollouts, report.counts.groups, report.counts.steps) == (16, 8, STEPS)
    rows = tg.RolloutStore.open(tmp_path / "run").scan().filter(step=STEPS).sort("group_id", "rollout_idx").collect()
    logged = trainer._logs
    said = [each if isinstance(each, str) else each[-1]["content"] for each in logged["completion"]]
    assert rows["response"].cast(pl.String).to_list() == said
    assert rows["reward"].to_list() == list(logged["rewards"]["parity"])
    assert rows["advantage"].to_list() == pytest.approx(list(logged["advantages"]), abs=1e-6)
    template = "chat" if is_chat else "none"
    assert prefer(settings(tmp_path, model_folder, template), tmp_path / "run").summary["pairs"] > 0


def test_a_batch_that_is_trained_on_twice_is_imported_once(train, tmp_path):
    train(parity, is_chat=False, log_completions=True, num_iterations=2)
    report = import_rollouts([tmp_path / "trl" / "completions"], tmp_path / "run")
    assert (report.counts.rollouts, report.counts.repeated) == (8, 8)
