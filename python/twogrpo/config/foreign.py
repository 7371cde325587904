"""What other trainers call our keys, so that a foreign name is answered with ours."""

__all__ = ["FOREIGN_NAMES"]

FOREIGN_NAMES = {
    # TRL
    "num_generations": "rollout.group_size",
    "max_completion_length": "rollout.max_new_tokens",
    "max_prompt_length": "data.max_prompt_tokens",
    "per_device_train_batch_size": "train.token_budget",
    "gradient_accumulation_steps": "train.rollouts_per_update",
    "max_steps": "train.steps",
    "num_train_epochs": "train.epochs",
    "lr_scheduler_type": "train.schedule",
    "epsilon": "objective.clip_low",
    "epsilon_high": "objective.clip_high",
    "loss_type": "objective.aggregate",
    "scale_rewards": "advantage.std",
    "model_name_or_path": "model.path",
    "dataset_name": "data.path",
    "output_dir": "run_dir",
    "save_steps": "checkpoint.every_steps",
    "save_total_limit": "checkpoint.keep",
    "logging_steps": "log.every_steps",
    "eval_steps": "eval.every_steps",
    "torch_dtype": "model.dtype",
    # verl
    "n": "rollout.group_size",
    "train_batch_size": "rollout.prompts_per_step",
    "ppo_mini_batch_size": "train.rollouts_per_update",
    "ppo_max_token_len_per_gpu": "train.token_budget",
    "max_response_length": "rollout.max_new_tokens",
    "clip_ratio_low": "objective.clip_low",
    "clip_ratio_high": "objective.clip_high",
    "loss_agg_mode": "objective.aggregate",
    "total_epochs": "train.epochs",
    "grad_clip": "train.max_grad_norm",
    # OpenRLHF
    "n_samples_per_prompt": "rollout.group_size",
    "rollout_batch_size": "rollout.prompts_per_step",
    "micro_train_batch_size": "train.token_budget",
    "generate_max_len": "rollout.max_new_tokens",
    "eps_clip": "objective.clip_low",
    "input_key": "data.prompt_column",
    "label_key": "data.gold_column",
    "max_norm": "train.max_grad_norm",
    "pretrain": "model.path",
    # everyone
    "lr": "train.learning_rate",
    "warmup": "train.warmup_steps",
    "batch_size": "rollout.prompts_per_step",
    "max_tokens": "rollout.max_new_tokens",
    "group": "rollout.group_size",
}
