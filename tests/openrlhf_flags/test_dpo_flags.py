"""A DPO configuration as OpenRLHF's flags."""

import pytest

from tests.openrlhf_flags.configs import by_flag, dpo, dpo_words
from twogrpo.errors import ConfigError
from twogrpo.openrlhf.dpo_flags import dpo_notes


@pytest.mark.parametrize(
    ("overrides", "flag", "values"),
    [
        ((), "--model.model_name_or_path", ["/models/m"]),
        ((), "--ref.model_name_or_path", ["/models/r"]),
        ((), "--data.dataset", ["/runs/r/pairs.parquet"]),
        ((), "--data.max_len", ["1500"]),
        ((), "--train.batch_size", ["64"]),
        (("train.rollouts_per_update=16",), "--train.batch_size", ["8"]),
        ((), "--train.micro_batch_size", ["2"]),
        ((), "--train.max_epochs", ["1"]),
        (("dpo.beta=0.5",), "--model.beta", ["0.5"]),
        (("dpo.label_smoothing=0.1",), "--model.label_smoothing", ["0.1"]),
        ((), "--adam.lr", ["1e-06"]),
        ((), "--lr_scheduler", ["linear"]),
        (("train.warmup_steps=5",), "--lr_warmup_ratio", ["0.045"]),
        ((), "--max_norm", ["0.0"]),
        (("model.lora.rank=8",), "--ds.lora.rank", ["8"]),
        (("model.lora.rank=8",), "--ds.lora.alpha", ["16"]),
        (("model.lora.rank=8", "model.lora.alpha=32"), "--ds.lora.alpha", ["32"]),
        (("model.lora.rank=8", "model.lora.targets=[q_proj,v_proj]"), "--ds.lora.target_modules", ["q_proj", "v_proj"]),
        (("model.gradient_checkpointing=true",), "--model.gradient_checkpointing_enable", []),
        ((), "--ckpt.output_dir", ["/runs/r/checkpoints/step-00000100"]),
    ],
)
def test_a_key_becomes_a_flag(overrides, flag, values):
    assert by_flag(dpo_words(*overrides))[flag] == values


def test_weights_are_trained_without_adapters_by_default():
    assert [word for word in dpo_words() if "lora" in word] == []


def test_every_linear_layer_is_left_to_openrlhf():
    assert "--ds.lora.target_modules" not in dpo_words("model.lora.rank=8")


def test_a_resumed_run_loads_its_checkpoint():
    assert "--ckpt.load_enable" in dpo_words(is_resumed=True)
    assert "--ckpt.load_enable" not in dpo_words()


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("model.dtype=float32",), "model.dtype=float32"),
        (("openrlhf.micro_batch_size=3",), "openrlhf.micro_batch_size=3 .*even number"),
        (("model.lora.rank=8", "model.lora.alpha=0.5"), "model.lora.alpha=0.5 .*round it"),
        (("train.rollouts_per_update=null",), "train.rollouts_per_update=null .*even number"),
        (("train.token_budget=4096",), "train.token_budget=4096"),
        (("openrlhf.extra=[--model.ipo_enable]",), "--model.ipo_enable has no place here: dpo.loss"),
        (("openrlhf.extra=[--adam.lr, '1']",), "--adam.lr is set by train.learning_rate"),
    ],
)
def test_what_cannot_be_carried_is_refused(overrides, says):
    with pytest.raises(ConfigError, match=says):
        dpo_words(*overrides)


def test_every_pair_at_once_is_an_update_of_its_own_size():
    given = dpo_words("train.rollouts_per_update=null", pairs_per_update=10)
    assert by_flag(given)["--train.batch_size"] == ["10"]


def test_an_evaluation_that_is_not_done_is_said():
    assert dpo_notes(dpo()) == []
    assert len(dpo_notes(dpo("eval.data=e.jsonl"))) == 1
