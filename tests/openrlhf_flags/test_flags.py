"""An online configuration as OpenRLHF's flags."""

import math

import pytest

from tests.openrlhf_flags.configs import by_flag, online_words
from twogrpo.errors import ConfigError


@pytest.mark.parametrize(
    ("overrides", "flag", "values"),
    [
        ((), "--actor.model_name_or_path", ["/models/m"]),
        ((), "--ds.param_dtype", ["bf16"]),
        (("model.gradient_checkpointing=true",), "--actor.gradient_checkpointing_enable", []),
        (("seed=7",), "--train.seed", ["7"]),
        (("rollout.prompts_per_step=32",), "--rollout.batch_size", ["32"]),
        (("rollout.group_size=16",), "--rollout.n_samples_per_prompt", ["16"]),
        (("rollout.max_new_tokens=99",), "--rollout.max_new_tokens", ["99"]),
        ((), "--data.max_len", ["1500"]),
        (("rollout.temperature=0.7",), "--rollout.temperature", ["0.7"]),
        (("rollout.top_p=0.9",), "--rollout.top_p", ["0.9"]),
        ((), "--train.batch_size", ["512"]),
        (("train.rollouts_per_update=128",), "--train.batch_size", ["128"]),
        ((), "--train.agent_func_path", ["/agents/agent.py"]),
        ((), "--algo.kl.init_coef", ["0"]),
        ((), "--actor.loss_agg_mode", ["seq-mean-token-mean"]),
        (("objective.aggregate=token_mean",), "--actor.loss_agg_mode", ["token-mean"]),
        (("objective.clip_low=0.1", "objective.clip_high=0.3"), "--actor.eps_clip_low_high", ["0.1", "0.3"]),
        ((), "--algo.advantage.is_correction_level", ["token"]),
        ((), "--algo.advantage.is_correction_mode", ["clip"]),
        (("objective.importance.cap=3",), "--algo.advantage.is_correction_threshold", ["0.0", "3.0"]),
        (("objective.importance.level='off'",), "--algo.advantage.is_correction_threshold", ["1.0", "1.0"]),
        (("rollout.top_p=0.9",), "--algo.advantage.is_correction_threshold", ["1.0", "1.0"]),
        (("rollout.top_k=9",), "--algo.advantage.is_correction_threshold", ["1.0", "1.0"]),
        ((), "--actor.adam.lr", ["8e-06"]),
        (("train.betas=[0.8,0.95]",), "--actor.adam.betas", ["0.8", "0.95"]),
        (("train.weight_decay=0.01",), "--actor.adam.weight_decay", ["0.01"]),
        ((), "--actor.max_norm", ["0.0"]),
        (("train.max_grad_norm=0.5",), "--actor.max_norm", ["0.5"]),
        ((), "--actor.lr_scheduler", ["constant_with_warmup"]),
        (("train.schedule=cosine",), "--actor.lr_scheduler", ["cosine"]),
        (("train.schedule=linear",), "--actor.lr_scheduler", ["linear"]),
        (("eval.data=e.jsonl",), "--eval.steps", ["100"]),
        (("eval.data=e.jsonl", "eval.every_steps=25"), "--eval.steps", ["25"]),
        (("eval.data=e.jsonl", "eval.samples=4"), "--eval.n_samples_per_prompt", ["4"]),
        (("eval.data=e.jsonl", "eval.temperature=0.6"), "--eval.temperature", ["0.6"]),
        (("checkpoint.every_steps=20",), "--ckpt.save_steps", ["20"]),
        (("checkpoint.every_steps=0",), "--ckpt.save_steps", ["-1"]),
        (("checkpoint.keep=5",), "--ckpt.max_num", ["6"]),
        ((), "--ckpt.path", ["/runs/r/checkpoints/deepspeed"]),
        ((), "--ckpt.output_dir", ["/runs/r/checkpoints/step-00000100"]),
        (("openrlhf.zero_stage=3",), "--ds.zero_stage", ["3"]),
        (("openrlhf.attention=sdpa",), "--ds.attn_implementation", ["sdpa"]),
        (("openrlhf.nodes=2",), "--actor.num_nodes", ["2"]),
        (("openrlhf.gpus_per_node=8",), "--actor.num_gpus_per_node", ["8"]),
        (("openrlhf.vllm_engines=4",), "--vllm.num_engines", ["4"]),
        (("openrlhf.vllm_tensor_parallel=2",), "--vllm.tensor_parallel_size", ["2"]),
        (("openrlhf.vllm_memory_share=0.5",), "--vllm.gpu_memory_utilization", ["0.5"]),
        (("openrlhf.micro_batch_size=8",), "--train.micro_batch_size", ["8"]),
        (("openrlhf.micro_batch_size=8",), "--rollout.micro_batch_size", ["8"]),
    ],
)
def test_a_key_becomes_a_flag(overrides, flag, values):
    assert by_flag(online_words(*overrides))[flag] == values


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("sync", set()),
        ("async", {"--train.async_enable"}),
        ("colocated", {"--train.colocate_all", "--vllm.enable_sleep", "--ds.enable_sleep"}),
    ],
)
def test_a_mode_is_its_switches(mode, expected):
    switches = {"--train.async_enable", "--train.colocate_all", "--vllm.enable_sleep", "--ds.enable_sleep"}
    assert switches & set(online_words(f"openrlhf.mode={mode}")) == expected


def test_gpus_are_shared_without_sleeping_by_extra():
    given = set(online_words("openrlhf.extra=[--train.colocate_all]"))
    assert "--train.colocate_all" in given
    assert "--vllm.enable_sleep" not in given


def test_nothing_is_evaluated_without_problems():
    assert [word for word in online_words() if word.startswith("--eval.")] == []


def test_a_resumed_run_loads_its_checkpoint():
    assert "--ckpt.load_enable" in online_words(is_resumed=True)
    assert "--ckpt.load_enable" not in online_words()


@pytest.mark.parametrize("warmup", [0, 1, 3, 10, 49])
@pytest.mark.parametrize("steps", [7, 49, 100, 333, 12_345])
def test_openrlhf_warms_up_for_exactly_the_steps(warmup, steps):
    given = online_words(f"train.warmup_steps={warmup}", "train.rollouts_per_update=256", steps=steps)
    ratio = float(by_flag(given)["--actor.lr_warmup_ratio"][0])
    assert math.ceil(steps * 2 * ratio) == warmup


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("model.dtype=float32",), ("model.dtype=float32", "set model.dtype=bfloat16")),
        (("model.device=cuda:1",), ("model.device=cuda:1", "leave model.device unset")),
        (("model.lora.rank=8",), ("model.lora.rank=8", "set model.lora.rank=0")),
        (("rollout.min_p=0.1",), ("rollout.min_p=0.1", "use rollout.top_p")),
        (("rollout.backend=transformers",), ("rollout.backend=transformers", "leave rollout.backend unset")),
        (("objective.aggregate=constant",), ("objective.aggregate=constant", "sequence_mean or token_mean")),
        (("objective.importance.level=sequence",), ("objective.importance.level=sequence", "use token or off")),
        (("train.optimizer=adam", "train.weight_decay=0.1"), ("train.optimizer=adam", "train.optimizer=adamw")),
        (("train.token_budget=8192",), ("train.token_budget=8192", "set openrlhf.micro_batch_size")),
        (("train.threads=4",), ("train.threads=4", "leave train.threads unset")),
        (("eval.data=e", "eval.top_p=0.9"), ("eval.top_p=0.9", "rollout.top_p")),
        (("eval.data=e", "eval.top_k=5"), ("eval.top_k=5", "eval.top_k=0")),
        (("eval.data=e", "eval.max_new_tokens=5"), ("eval.max_new_tokens=5", "leave eval.max_new_tokens unset")),
    ],
)
def test_what_cannot_be_carried_is_refused_with_what_to_do(overrides, says):
    with pytest.raises(ConfigError) as refused:
        online_words(*overrides)
    line = str(refused.value)
    assert line.startswith("engine=openrlhf cannot carry ")
    assert "\n" not in line
    assert [part for part in says if part not in line] == []


def test_everything_that_cannot_be_carried_is_said_at_once():
    with pytest.raises(ConfigError, match=r"model\.dtype=float32 .*; nor train\.threads=2 "):
        online_words("model.dtype=float32", "train.threads=2")


@pytest.mark.parametrize(
    "overrides",
    [
        ("train.optimizer=adam",),
        ("eval.top_p=0.9", "eval.top_k=5"),
        ("eval.data=e", "eval.top_p=0.9", "rollout.top_p=0.9"),
        ("train.token_budget=16384",),
    ],
)
def test_what_changes_nothing_is_no_error(overrides):
    assert online_words(*overrides)


def test_a_response_may_be_longer_than_the_budget_that_is_not_used():
    assert online_words("engine=openrlhf", "rollout.max_new_tokens=32768")
