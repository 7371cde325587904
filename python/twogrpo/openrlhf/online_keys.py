"""What becomes of every key of an online run on OpenRLHF."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twogrpo.config import OnlineConfig
from twogrpo.openrlhf.keys import Always, Key, Launch
from twogrpo.openrlhf.shared_keys import (
    CHECKPOINT_FOLDERS,
    ENGINE_KEYS,
    LOG_KEYS,
    checkpoint_keys,
    model_keys,
    optimizer_keys,
)

__all__ = ["ALWAYS", "BARRED", "KEYS", "OnlineLaunch"]


@dataclass(frozen=True, kw_only=True)
class OnlineLaunch(Launch):
    """One launch of online training; `agent` is the file that the rollout workers load."""

    config: OnlineConfig
    agent: Path


def _is_truncated(run: OnlineLaunch) -> bool:
    rollout = run.config.rollout
    return rollout.top_p < 1 or rollout.top_k > 0


def _weight_bounds(run: OnlineLaunch) -> tuple[float, float]:
    """Return the bounds of pi_old / mu: 1 and 1 make every weight 1 and still have vLLM report its logprobs."""
    importance = run.config.objective.importance
    is_off = importance.level == "off" or _is_truncated(run)
    return (1.0, 1.0) if is_off else (0.0, importance.cap)


def _evaluates(run: OnlineLaunch) -> bool:
    return run.config.eval.data is not None


PROMPTS = "twogrpo renders and tokenises the prompts; workers get token ids"
REWARD = "twogrpo's agent judges every rollout in the worker that made it"
STORE = "twogrpo stores every rollout before it is trained on"
ADVANTAGE = "twogrpo computes the advantages, in place of OpenRLHF's"
LENGTH = "twogrpo's prompt loader ends after the last batch"
REPLAY = "twogrpo's sample generator hands out the stored batches first"

KEYS: Mapping[str, Key[OnlineLaunch, OnlineConfig]] = {
    "run_dir": Key(by="twogrpo makes the folder; every node has to see it"),
    "engine": Key(by="`openrlhf`"),
    "seed": Key(by="also the order of the prompts", flags={"--train.seed": lambda run: run.config.seed}),
    "preset": Key(by="the keys that it sets are carried"),
    **model_keys("actor"),
    "model.lora.rank": Key(
        only="0",
        is_refused=lambda config: config.model.lora.rank > 0,
        why="OpenRLHF sends weights to vLLM by name, and an adapter's names are unknown there; set model.lora.rank=0",
    ),
    "model.lora.alpha": Key(by="not used without adapters"),
    "model.lora.targets": Key(by="not used without adapters"),
    "data.path": Key(by=PROMPTS, flags={"--data.prompt_dataset": lambda run: run.run.absolute() / "prompts.parquet"}),
    **{f"data.{name}": Key(by=PROMPTS) for name in ("prompt_column", "gold_column", "system", "suffix", "template")},
    "data.max_prompt_tokens": Key(by=PROMPTS),
    **{f"reward.{name}": Key(by=REWARD) for name in ("profile", "extract", "function", "cut_response")},
    "reward.max_failed_share": Key(by="twogrpo's sample generator counts them, and stops the run"),
    "train.steps": Key(by=LENGTH),
    "train.epochs": Key(by=LENGTH),
    **optimizer_keys("actor."),
    "train.rollouts_per_update": Key(
        flags={"--train.batch_size": lambda run: run.config.train.rollouts_per_update or run.config.rollouts_per_step}
    ),
    "eval.data": Key(
        by=PROMPTS,
        flags={"--eval.dataset": lambda run: run.run.absolute() / "eval_prompts.parquet" if _evaluates(run) else None},
    ),
    "eval.every_steps": Key(
        by="the last step where it is 0",
        flags={"--eval.steps": lambda run: (run.config.eval.every_steps or run.steps) if _evaluates(run) else None},
    ),
    "eval.samples": Key(
        flags={"--eval.n_samples_per_prompt": lambda run: run.config.eval.samples if _evaluates(run) else None}
    ),
    "eval.temperature": Key(
        flags={"--eval.temperature": lambda run: run.config.eval.temperature if _evaluates(run) else None}
    ),
    "eval.top_p": Key(
        only="rollout.top_p",
        is_refused=lambda config: config.eval.data is not None and config.eval.top_p != config.rollout.top_p,
        why="OpenRLHF evaluates with rollout.top_p; set both to the same",
    ),
    "eval.top_k": Key(
        only="0",
        is_refused=lambda config: config.eval.data is not None and config.eval.top_k > 0,
        why="OpenRLHF evaluates without it; set eval.top_k=0, or evaluate the checkpoints with `twogrpo eval`",
    ),
    "eval.max_new_tokens": Key(
        only="rollout.max_new_tokens",
        is_refused=lambda config: (
            config.eval.data is not None and config.eval.max_new_tokens not in (None, config.rollout.max_new_tokens)
        ),
        why="OpenRLHF evaluates with rollout.max_new_tokens; leave eval.max_new_tokens unset",
    ),
    **checkpoint_keys(),
    **LOG_KEYS,
    "openrlhf.mode": Key(
        by="`colocated` without sleeping: `sync` with --train.colocate_all in openrlhf.extra",
        flags={
            "--train.async_enable": lambda run: run.config.openrlhf.mode == "async",
            "--train.colocate_all": lambda run: run.config.openrlhf.mode == "colocated",
            "--vllm.enable_sleep": lambda run: run.config.openrlhf.mode == "colocated",
            "--ds.enable_sleep": lambda run: run.config.openrlhf.mode == "colocated",
        },
        left_to_extra=("--train.colocate_all", "--vllm.enable_sleep", "--ds.enable_sleep"),
    ),
    "openrlhf.nodes": Key(flags={"--actor.num_nodes": lambda run: run.config.openrlhf.nodes}),
    "openrlhf.gpus_per_node": Key(flags={"--actor.num_gpus_per_node": lambda run: run.config.openrlhf.gpus_per_node}),
    "openrlhf.vllm_engines": Key(flags={"--vllm.num_engines": lambda run: run.config.openrlhf.vllm_engines}),
    "openrlhf.vllm_tensor_parallel": Key(
        flags={"--vllm.tensor_parallel_size": lambda run: run.config.openrlhf.vllm_tensor_parallel}
    ),
    "openrlhf.vllm_memory_share": Key(
        flags={"--vllm.gpu_memory_utilization": lambda run: run.config.openrlhf.vllm_memory_share}
    ),
    "openrlhf.micro_batch_size": Key(
        flags={
            "--train.micro_batch_size": lambda run: run.config.openrlhf.micro_batch_size,
            "--rollout.micro_batch_size": lambda run: run.config.openrlhf.micro_batch_size,
        }
    ),
    **ENGINE_KEYS,
    "rollout.prompts_per_step": Key(flags={"--rollout.batch_size": lambda run: run.config.rollout.prompts_per_step}),
    "rollout.group_size": Key(flags={"--rollout.n_samples_per_prompt": lambda run: run.config.rollout.group_size}),
    "rollout.max_new_tokens": Key(
        by="--data.max_len is the longest prompt and this",
        flags={
            "--rollout.max_new_tokens": lambda run: run.config.rollout.max_new_tokens,
            "--data.max_len": lambda run: run.max_len,
        },
    ),
    "rollout.temperature": Key(flags={"--rollout.temperature": lambda run: run.config.rollout.temperature}),
    "rollout.top_p": Key(flags={"--rollout.top_p": lambda run: run.config.rollout.top_p}),
    "rollout.top_k": Key(by="twogrpo's sample generator hands it to vLLM; OpenRLHF has no flag"),
    "rollout.min_p": Key(
        only="0",
        is_refused=lambda config: config.rollout.min_p > 0,
        why="OpenRLHF does not hand it to vLLM; use rollout.top_p",
    ),
    "rollout.backend": Key(
        by="vLLM",
        only="the default",
        is_refused=lambda config: config.rollout.backend != "builtin",
        why="OpenRLHF samples with vLLM; leave rollout.backend unset",
    ),
    "advantage.std": Key(by=ADVANTAGE),
    "advantage.eps": Key(by=ADVANTAGE),
    "objective.aggregate": Key(
        flags={
            "--actor.loss_agg_mode": lambda run: (
                "token-mean" if run.config.objective.aggregate == "token_mean" else "seq-mean-token-mean"
            )
        },
        only="`sequence_mean` or `token_mean`",
        is_refused=lambda config: config.objective.aggregate == "constant",
        why="OpenRLHF divides by tokens or by sequences only; use sequence_mean or token_mean",
    ),
    "objective.clip_low": Key(
        flags={
            "--actor.eps_clip_low_high": lambda run: (
                run.config.objective.clip_low,
                run.config.objective.clip_high,
            )
        }
    ),
    "objective.clip_high": Key(by="the second number of --actor.eps_clip_low_high"),
    "objective.ties": Key(by="twogrpo skips the rollouts of tied groups and scales the advantages of the others"),
    "objective.importance.level": Key(
        by="pi_old is always recomputed, so that the weights are always used, but for a truncated distribution (top_p, "
        "top_k)",
        flags={
            "--algo.advantage.is_correction_level": lambda _: "token",
            "--algo.advantage.is_correction_mode": lambda _: "clip",
            "--algo.advantage.is_correction_gating": lambda _: "ratio",
        },
        only="`token` or `off`",
        is_refused=lambda config: config.objective.importance.level == "sequence",
        why="OpenRLHF weighs tokens; use token or off",
    ),
    "objective.importance.cap": Key(
        by="0 and the cap, or 1 and 1 where the weights are off: vLLM's logprobs are stored in both cases",
        flags={"--algo.advantage.is_correction_threshold": _weight_bounds},
    ),
    "store.logprob_dtype": Key(by=STORE),
    "store.keep_text": Key(by=STORE),
    "replay.rollouts": Key(by=REPLAY),
    "replay.steps": Key(by=REPLAY),
}

ALWAYS: Mapping[str, Always[OnlineLaunch]] = {
    "--train.agent_func_path": Always(lambda run: run.agent.absolute(), "samples, verifies and captures"),
    "--algo.advantage.estimator": Always(lambda _: "rloo", "a formality that loads no critic"),
    "--algo.kl.init_coef": Always(lambda _: 0, "there is no KL term, and no reference model is loaded"),
    "--train.num_episodes": Always(lambda _: 1, "the prompt loader knows the end"),
    "--train.max_epochs": Always(lambda _: 1, "a batch is trained on once"),
    **CHECKPOINT_FOLDERS,
    "--ckpt.best_metric_key": Always(lambda _: "none", "checkpoints are kept by age"),
}

# Flags that OpenRLHF would take and nothing would heed.
BARRED: Mapping[str, str] = {
    "--data.": PROMPTS,
    "--eval.": PROMPTS,
    "--reward.": REWARD,
    "--critic.": "there is no critic",
    "--ref.": "there is no reference model",
    "--train.colocate_actor_ref": "there is no reference model",
    "--train.colocate_critic_reward": "there is no critic",
    "--algo.kl.": "there is no KL term",
    "--algo.advantage.": ADVANTAGE,
    "--rollout.vllm_generate_batch_size": "a batch is generated, stored and trained on as a whole",
    "--logger.wandb.key": "it would stand in the run folder and in logs for all to read; use --logger.tensorboard_dir",
    "--actor.eps_clip": "objective.clip_low and objective.clip_high set the clip",
}
