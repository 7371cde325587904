"""Low-rank adapters through both engines: what learns, what is saved, and that a resumed run is the same run."""

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import twogrpo as tg
from twogrpo.models import load_policy
from twogrpo.monitor import Console
from twogrpo.train.logprobs import TokenBatch, token_logps

LORA = ["model.lora.rank=4", "rollout.prompts_per_step=6", "rollout.max_new_tokens=8", "train.learning_rate=0.05"]
LORA += ["train.warmup_steps=0", "train.threads=1", "train.token_budget=256", "checkpoint.every_steps=1"]


@pytest.fixture
def settings(tmp_path, model_folder, problems, parity_reward):
    def make(*overrides, run="run"):
        named = [f"run_dir={tmp_path / run}", f"model.path={model_folder}", f"data.path={problems}"]
        return tg.OnlineConfig.load(None, [*named, f"reward.function={parity_reward}", *LORA, *overrides])

    return make


def train(config, **flags):
    return tg.train_online(config, console=Console(is_quiet=True), **flags)


def adapter(path):
    return load_file(path / "adapter_model.safetensors")


def test_a_checkpoint_is_the_adapter_that_has_learned(settings):
    result = train(settings("train.steps=2"))
    assert not (result.checkpoint / "model.safetensors").exists()
    moved = [name for name, weight in adapter(result.checkpoint).items() if "lora_B" in name and weight.any()]
    assert len(moved) == 14


def test_rollouts_are_those_of_base_and_adapter_together(settings):
    result = train(settings("train.steps=2", "checkpoint.keep=5"))
    rows = tg.RolloutStore.open(result.path).scan().filter(step=1, phase="train").collect()
    # The second step was sampled after the first update.
    model = load_policy(
        str(result.path / "checkpoints" / "step-00000001"), device=torch.device("cpu"), gradient_checkpointing=False
    )
    batch = TokenBatch.pack(rows["prompt_ids"].to_list(), rows["response_ids"].to_list(), pad_id=0)
    with torch.no_grad():
        logps_BR, mask_BR = token_logps(model, batch, temperature=1.0)
    sums_B = (logps_BR * mask_BR).sum(dim=1)
    torch.testing.assert_close(sums_B, torch.tensor(rows["logprob_sum"].to_list()).float(), rtol=0, atol=1e-3)
    assert rows["generator"].unique().to_list() == ["builtin"]


def test_a_resumed_run_is_the_uninterrupted_run(settings):
    whole = train(settings("train.steps=4", run="whole"))
    train(settings("train.steps=2", run="cut"))
    cut = train(settings("train.steps=4", run="cut"), resume=True)
    left, right = adapter(whole.checkpoint), adapter(cut.checkpoint)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_frozen_weights_have_the_dtype_of_the_forward_pass_and_the_adapter_float32(settings, dtype):
    result = train(settings("train.steps=1", f"model.dtype={dtype}"))
    assert {weight.dtype for weight in adapter(result.checkpoint).values()} == {torch.float32}


def test_the_adapter_s_size_may_not_change_on_resume(settings):
    train(settings("train.steps=1"))
    with pytest.raises(tg.errors.ConfigError, match=r"model\.lora\.rank"):
        train(settings("train.steps=2", "model.lora.rank=8"), resume=True)


def test_dpo_trains_an_adapter_from_the_same_start(settings, tmp_path):
    begun = settings("train.steps=2")
    online = train(begun)
    values = {"train": {"epochs": 1, "threads": 1, "token_budget": 256}, "run_dir": str(tmp_path / "dpo")}
    config = tg.DpoConfig.for_run(begun, values)
    result = tg.train_dpo(config, online.path, console=Console(is_quiet=True))
    rows = pl.read_ndjson(result.path / "metrics.jsonl").filter(kind="train")
    # The adapter begins as nothing, so that the first margins are exactly those of the reference.
    assert rows["loss"][0] == pytest.approx(0.6931, abs=1e-4)
    assert (result.checkpoint / "adapter_model.safetensors").exists()


def test_a_checkpoint_is_a_model_to_start_from(settings):
    result = train(settings("train.steps=1"))
    config = settings("train.steps=1", f"model.path={result.checkpoint}", "model.lora.rank=0", run="next")
    assert (train(config).checkpoint / "model.safetensors").exists()
