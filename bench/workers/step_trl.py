"""The peer's side of `bench/step.py`: TRL's GRPOTrainer with the same objective, one step a turn.

The reward is our Rust verifier here too, so that what differs is generation and training alone.
"""

import argparse
import json
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

import twogrpo
from turns import Turns


class TurnsCallback(TrainerCallback):
    """Ends the turn when the trainer has logged a step."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def on_log(self, args, state, control, logs=None, **_kwargs) -> None:  # noqa: ANN001, ANN003, ARG002  # the trainer's signature
        """Report the step; the trainer's closing log has no reward."""
        if logs is not None and "reward" in logs:
            self._turns.end(reward=logs["reward"], response_tokens=logs["completions/mean_length"])


def verified(completions: list[list[dict[str, str]]], answer: list[str], **_columns: object) -> list[float]:
    """Return 1 for each completion that the verifier accepts, else 0."""
    responses = [completion[0]["content"] for completion in completions]
    return [float(is_correct) for is_correct in twogrpo.verify_batch(responses, answer)["correct"]]


def settings(options: argparse.Namespace) -> GRPOConfig:
    """Return the settings that make GRPOTrainer minimise the paper's objective on the whole batch at once."""
    return GRPOConfig(
        output_dir=str(options.run_dir),
        max_steps=options.steps,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=options.prompts * options.group_size,
        num_generations=options.group_size,
        max_completion_length=options.max_new_tokens,
        shuffle_dataset=False,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        # Its defaults are another loss (dapo) and another scale; this is Eq. 5 with the sample deviation + 1e-4.
        loss_type="grpo",
        scale_rewards="group",
        beta=0.0,
        epsilon=0.2,
        num_iterations=1,
        learning_rate=options.learning_rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=options.warmup_steps,
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch",
        seed=options.seed,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def read_options() -> argparse.Namespace:
    """Return the flags of the command line, as `peer_flags` of `bench/step.py` writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--prompts", type=int, required=True)
    parser.add_argument("--group-size", type=int, required=True)
    parser.add_argument("--max-new-tokens", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--warmup-steps", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def problems(path: Path) -> Dataset:
    """Return the rows of a file, in its order, as conversations with their answers."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return Dataset.from_list(
        [{"prompt": [{"role": "user", "content": row["problem"]}], "answer": row["answer"]} for row in rows]
    )


def main() -> None:
    """Train for so many steps, one a turn."""
    options = read_options()
    torch.set_num_threads(options.threads)
    train_dataset = problems(options.rows)
    turns = Turns(options.steps)
    turns.begin()
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32),
        reward_funcs=verified,
        args=settings(options),
        train_dataset=train_dataset,
        processing_class=AutoTokenizer.from_pretrained(options.model),
        callbacks=[TurnsCallback(turns)],
    )
    trainer.train()


if __name__ == "__main__":
    main()
