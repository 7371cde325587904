"""The keys that online and preference training hand to OpenRLHF in the same way, but for the names of the flags."""

from collections.abc import Mapping

from twogrpo.config import RunConfig
from twogrpo.config.training import TrainSection
from twogrpo.openrlhf.keys import Always, Key, Launch, warmup_ratio

__all__ = ["CHECKPOINT_FOLDERS", "ENGINE_KEYS", "LOG_KEYS", "checkpoint_keys", "model_keys", "optimizer_keys"]

DEFAULT_BUDGET = TrainSection.model_fields["token_budget"].default
SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}

CHECKPOINT_FOLDERS: Mapping[str, Always[Launch]] = {
    "--ckpt.path": Always(
        lambda run: run.run.absolute() / "checkpoints" / "deepspeed", "the state that --resume goes on from"
    ),
    "--ckpt.output_dir": Always(
        lambda run: run.run.absolute() / "checkpoints" / f"step-{run.steps:08d}", "the model after the last step"
    ),
    "--ckpt.load_enable": Always(lambda run: run.is_resumed, "--resume"),
}

LOG_KEYS: Mapping[str, Key[Launch, RunConfig]] = {
    "log.every_steps": Key(by="twogrpo prints the lines and writes metrics.jsonl"),
}

ENGINE_KEYS: Mapping[str, Key[Launch, RunConfig]] = {
    "openrlhf.zero_stage": Key(flags={"--ds.zero_stage": lambda run: run.config.openrlhf.zero_stage}),
    "openrlhf.attention": Key(flags={"--ds.attn_implementation": lambda run: run.config.openrlhf.attention}),
    "openrlhf.extra": Key(by="appended word by word; a flag that a key sets, or that nothing would read, is refused"),
}


def model_keys(role: str) -> dict[str, Key[Launch, RunConfig]]:
    """Return the keys of the model, whose flags begin with `role`."""
    return {
        "model.path": Key(flags={f"--{role}.model_name_or_path": lambda run: run.model}),
        "model.dtype": Key(
            by="forward and backward in bfloat16; DeepSpeed steps on float32 weights",
            flags={"--ds.param_dtype": lambda _: "bf16"},
            only="`bfloat16`",
            is_refused=lambda config: config.model.dtype != "bfloat16",
            why="OpenRLHF and vLLM compute in bfloat16; set model.dtype=bfloat16",
        ),
        "model.device": Key(
            only="`auto`",
            is_refused=lambda config: config.model.device != "auto",
            why="Ray gives every worker its GPU; leave model.device unset",
        ),
        "model.gradient_checkpointing": Key(
            flags={f"--{role}.gradient_checkpointing_enable": lambda run: run.config.model.gradient_checkpointing}
        ),
    }


def optimizer_keys(role: str) -> dict[str, Key[Launch, RunConfig]]:
    """Return the keys of the optimizer, whose flags begin with `role`: `actor.`, or nothing."""
    return {
        "train.learning_rate": Key(flags={f"--{role}adam.lr": lambda run: run.config.train.learning_rate}),
        "train.warmup_steps": Key(
            by="so that ceil(updates x ratio) is the number; OpenRLHF's first update of a warm-up has rate 0, where "
            "the local engine's has peak / warmup_steps",
            flags={f"--{role}lr_warmup_ratio": lambda run: warmup_ratio(run.config.train.warmup_steps, run.updates)},
        ),
        "train.schedule": Key(
            flags={f"--{role}lr_scheduler": lambda run: SCHEDULES[run.config.train.schedule]},
        ),
        "train.optimizer": Key(
            flags={f"--{role}optim": lambda _: "adam"},
            only="`adamw`, or `adam` without weight decay, which is the same",
            is_refused=lambda config: config.train.optimizer == "adam" and config.train.weight_decay > 0,
            why="OpenRLHF's weight decay is decoupled; set train.optimizer=adamw or train.weight_decay=0",
        ),
        "train.betas": Key(flags={f"--{role}adam.betas": lambda run: run.config.train.betas}),
        "train.weight_decay": Key(
            by="OpenRLHF spares biases and the weights of norms",
            flags={f"--{role}adam.weight_decay": lambda run: run.config.train.weight_decay},
        ),
        "train.max_grad_norm": Key(
            by="0 where there is none, with which DeepSpeed does not clip",
            flags={f"--{role}max_norm": lambda run: run.config.train.max_grad_norm or 0.0},
        ),
        "train.token_budget": Key(
            only="the default",
            is_refused=lambda config: config.train.token_budget != DEFAULT_BUDGET,
            why="OpenRLHF counts sequences; leave train.token_budget unset and set openrlhf.micro_batch_size",
        ),
        "train.threads": Key(
            only="unset",
            is_refused=lambda config: config.train.threads is not None,
            why="Ray sets the threads of its workers; leave train.threads unset",
        ),
    }


def checkpoint_keys() -> dict[str, Key[Launch, RunConfig]]:
    """Return the keys of the checkpoints."""
    return {
        "checkpoint.every_steps": Key(
            by="each save writes DeepSpeed's state and a Hugging Face folder",
            flags={
                "--ckpt.save_steps": lambda run: run.config.checkpoint.every_steps or -1,
                "--ckpt.save_hf": lambda run: run.config.checkpoint.every_steps > 0,
            },
        ),
        # OpenRLHF counts the one that it is about to write, and deletes first: with as many as are kept, a process that
        # dies in between would leave one too few.
        "checkpoint.keep": Key(flags={"--ckpt.max_num": lambda run: run.config.checkpoint.keep + 1}),
    }
