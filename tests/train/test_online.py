import json

import polars as pl
import pytest
import torch

import twogrpo as tg
from tests.conftest import build_model_folder, write_rows
from twogrpo.monitor import Console
from twogrpo.train.logprobs import TokenBatch, token_logps

SMALL = [
    "rollout.prompts_per_step=6",
    "rollout.max_new_tokens=8",
    "train.learning_rate=0.01",
    "train.warmup_steps=0",
    "train.threads=1",
    "train.token_budget=256",
]


@pytest.fixture
def settings(tmp_path, model_folder, problems, parity_reward):
    def make(*overrides, model=model_folder, data=problems, run="run"):
        named = [f"run_dir={tmp_path / run}", f"model.path={model}", f"data.path={data}"]
        return tg.OnlineConfig.load(None, [*named, f"reward.function={parity_reward}", *SMALL, *overrides])

    return make


def train(config, **flags):
    return tg.train_online(config, console=Console(is_quiet=True), **flags)


def weights(path):
    from safetensors.torch import load_file

    return load_file(path / "model.safetensors")


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "llama"])
def test_two_steps_train_store_and_agree_with_the_trainer(tmp_path, settings, architecture):
    model = build_model_folder(tmp_path / architecture, architecture)
    result = train(settings("train.steps=2", model=model))
    assert not same(weights(model), weights(result.checkpoint))
    rows = tg.RolloutStore.open(result.path).scan().filter(pl.col("step") == 0).collect()
    assert len(rows) == 12
    assert rows["advantage"].is_in([-1.0, 0.0, 1.0]).all()
    assert (rows["advantage"] != 0).any()
    assert_logprobs_are_the_model_s(model, rows)


def assert_logprobs_are_the_model_s(folder, rows):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    batch = TokenBatch.pack(rows["prompt_ids"].to_list(), rows["response_ids"].to_list(), pad_id=0, device="cpu")
    with torch.no_grad():
        logps_BR, mask_BR = token_logps(model, batch, temperature=1.0)
    for index, stored in enumerate(rows["logprobs"].to_list()):
        torch.testing.assert_close(logps_BR[index][mask_BR[index]], torch.tensor(stored), atol=1e-4, rtol=0)


def test_training_on_gsm8k_s_questions(tmp_path, settings, shared_material):
    lines = (shared_material / "data" / "gsm8k_train.jsonl").read_text().splitlines()[:20]
    data = write_rows(tmp_path / "gsm8k.jsonl", map(json.loads, lines))
    model = build_model_folder(tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    config["max_position_embeddings"] = 1024
    (model / "config.json").write_text(json.dumps(config))
    result = train(settings("train.steps=2", "train.token_budget=2048", model=model, data=data))
    assert not same(weights(model), weights(result.checkpoint))
    rows = tg.RolloutStore.open(result.path).scan().collect()
    assert len(rows) == 24
    assert set(rows["prompt"]) <= {json.loads(line)["problem"] for line in lines}
    assert (rows["advantage"] != 0).any()
    assert_logprobs_are_the_model_s(model, rows.filter(pl.col("step") == 0))


def test_every_rollout_is_stored_once_with_how_it_was_made(settings):
    result = train(settings("train.steps=3", "rollout.group_size=4"))
    rows = tg.RolloutStore.open(result.path).scan().collect()
    assert len(rows) == 3 * 6 * 4
    assert rows.select("group_id", "rollout_idx").is_unique().all()
    assert rows["group_id"].n_unique() == 18
    assert rows.group_by("step").agg(pl.col("policy_version").unique()).sort("step")["policy_version"].to_list() == [
        [0],
        [1],
        [2],
    ]
    assert set(rows["phase"]) == {"train"}
    assert set(rows["finish_reason"]) <= {"stop", "length"}


def test_a_resumed_run_is_the_uninterrupted_run(settings):
    whole = train(settings("train.steps=5", run="whole"))
    train(settings("train.steps=3", run="part"))
    resumed = train(settings("train.steps=5", run="part"), resume=True)
    assert same(weights(whole.checkpoint), weights(resumed.checkpoint))
    keys = ["group_id", "rollout_idx", "step", "response_ids", "reward", "advantage"]
    tables = [tg.RolloutStore.open(run.path).scan().select(keys).sort(keys[:2]).collect() for run in (whole, resumed)]
    assert tables[0].equals(tables[1])


def test_a_budget_that_cannot_hold_a_row_is_refused_before_anything_is_sampled(settings):
    with pytest.raises(tg.ConfigError, match=r"train\.token_budget=12 cannot hold .* together 21"):
        train(settings("train.token_budget=12"))


def test_a_failed_force_loses_nothing(settings):
    done = train(settings("train.steps=1"))
    with pytest.raises(tg.DataError):
        train(settings("train.steps=1", model="./none"), force=True)
    with pytest.raises(tg.DataError):
        train(settings("train.steps=1", data="none.jsonl"), force=True)
    assert list(done.path.glob("**/rollouts/run=run/step-00000000.w0.parquet"))


def test_several_updates_a_batch(settings):
    result = train(settings("train.steps=2", "train.rollouts_per_update=4"))
    state = json.loads((result.checkpoint / "trainer_state.json").read_text())
    assert (state["step"], state["updates"], state["rollouts"], state["cursor"]) == (2, 6, 24, 12)


def test_token_budget_does_not_change_the_step(settings):
    wide = train(settings("train.steps=1", "train.token_budget=4096", run="wide"))
    narrow = train(settings("train.steps=1", "train.token_budget=32", run="narrow"))
    left, right = weights(wide.checkpoint), weights(narrow.checkpoint)
    # Adam divides by the gradient's own size, so rounding shows where a gradient is all but zero: compare in bulk.
    moved = torch.cat([(left[name] - right[name]).abs().flatten() for name in left])
    assert moved.mean() < 1e-4


def test_bfloat16_trains_float32_weights(settings):
    result = train(settings("train.steps=2", "model.dtype=bfloat16", "train.rollouts_per_update=6"))
    assert {tensor.dtype for tensor in weights(result.checkpoint).values()} == {torch.float32}
    metrics = [json.loads(line) for line in (result.path / "metrics.jsonl").read_text().splitlines()]
    # The sampler's arithmetic is not the trainer's, and every weight that corrects for it is near 1.
    assert all(1e-5 < row["mismatch_mean"] < row["mismatch_max"] < 1 for row in metrics)
    assert all(0.9 < row["importance_effective_share"] < 1 for row in metrics)


def test_in_float32_the_sampler_and_the_trainer_agree(settings):
    result = train(settings("train.steps=2", "train.rollouts_per_update=6", "train.learning_rate=0.05"))
    metrics = [json.loads(line) for line in (result.path / "metrics.jsonl").read_text().splitlines()]
    # Measured before the first update of a batch: what the updates change is in the ratios.
    assert all(row["mismatch_mean"] <= row["mismatch_max"] < 1e-4 for row in metrics)
    assert metrics[1]["mismatch_mean"] > 0
    assert metrics[1]["ratio_max"] > 1.1


def test_a_step_of_ties_only_moves_weights_by_momentum_alone(tmp_path, settings):
    file = tmp_path / "then_ties.py"
    file.write_text(
        "calls = 0\n"
        "def reward(prompts, responses, golds):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    return [float(i % 2) if calls == 1 else 0.0 for i in range(len(responses))]\n"
    )
    override = f"reward.function={file}:reward"
    one = train(settings("train.steps=1", override, run="one"))
    two = train(settings("train.steps=2", override, run="two"))
    metrics = [json.loads(line) for line in (two.path / "metrics.jsonl").read_text().splitlines()]
    assert metrics[1]["tied_share"] == 1.0
    assert metrics[1]["trained_rollouts"] == 0
    assert metrics[1]["grad_norm"] == 0.0
    assert not same(weights(one.checkpoint), weights(two.checkpoint))


def test_the_checkpoint_is_an_ordinary_folder(settings):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    result = train(settings("train.steps=1"))
    tokenizer = AutoTokenizer.from_pretrained(result.checkpoint)
    model = AutoModelForCausalLM.from_pretrained(result.checkpoint)
    assert (result.checkpoint / "generation_config.json").exists()
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": "12+34"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**inputs, max_new_tokens=4, do_sample=False)
    assert output.shape[1] > inputs["input_ids"].shape[1]


def test_evaluations_are_stored_apart(settings, problems):
    result = train(settings("train.steps=1", f"eval.data={problems}", "eval.samples=2"))
    assert [row["step"] for row in result.summary["evaluations"]] == [0, 1]
    assert set(result.summary["evaluations"][0]) == {"step", "mean_at_2", "pass_at_2", "greedy"}
    rows = tg.RolloutStore.open(result.path).scan().collect()
    assert rows.filter(pl.col("phase") == "eval").height == 2 * 30 * 3
    assert rows.filter(pl.col("phase") == "train").height == 12


def test_the_transformers_backend_trains_too(settings):
    result = train(settings("train.steps=1", "rollout.backend=transformers"))
    assert tg.RolloutStore.open(result.path).scan().collect().height == 12


def test_cut_responses_can_make_their_groups_inert(settings):
    result = train(settings("train.steps=1", "rollout.max_new_tokens=1", "reward.cut_response=mask"))
    rows = tg.RolloutStore.open(result.path).scan().collect()
    cut_groups = set(rows.filter(pl.col("finish_reason") == "length")["group_id"])
    assert cut_groups
    assert rows.filter(pl.col("group_id").is_in(cut_groups))["is_inert"].all()
    assert (rows.filter("is_inert")["advantage"] == 0).all()


def test_a_reward_that_always_fails_is_refused_at_once(tmp_path, settings):
    file = tmp_path / "broken.py"
    file.write_text("def reward(prompts, responses, golds):\n    raise RuntimeError('no such tool')\n")
    with pytest.raises(tg.DataError, match=r"all 12 rewards of the first batch failed .*no such tool"):
        train(settings(f"reward.function={file}:reward"))
