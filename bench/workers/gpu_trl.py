"""The peer's side of `bench/gpu.py`: TRL's GRPOTrainer in bfloat16 with transformers' `generate`, one step a turn."""

import argparse
import json
import time
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from gpu_material import scored
from turns import Turns


class TimedTrainer(GRPOTrainer):
    """Knows how long it generates."""

    generate_s = 0.0
    tokens = 0

    def _generate_and_score_completions(self, inputs):  # noqa: ANN001, ANN202  # the trainer's signature
        started = time.perf_counter()
        output = super()._generate_and_score_completions(inputs)
        # Waits for the device.
        self.tokens = int(output["completion_mask"].sum())
        self.generate_s = time.perf_counter() - started
        return output


class TurnsCallback(TrainerCallback):
    """Ends the turn when the trainer has logged a step."""

    trainer: TimedTrainer

    def __init__(self, turns: Turns) -> None:
        self._turns, self._since = turns, time.perf_counter()

    def on_step_begin(self, args, state, control, **_kwargs) -> None:  # noqa: ANN001, ANN003, ARG002  # the trainer's signature
        """Start the clock; the trainer generates within the step."""
        self._since = time.perf_counter()

    def on_log(self, args, state, control, logs=None, **_kwargs) -> None:  # noqa: ANN001, ANN003, ARG002
        """Report the step; the trainer's closing log has no reward."""
        if logs is not None and "reward" in logs:
            on_device = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0
            generate_s = self.trainer.generate_s
            self._turns.end(
                tokens=self.trainer.tokens,
                generate_s=generate_s,
                train_s=time.perf_counter() - self._since - generate_s,
                device_memory_mb=on_device,
            )


def main() -> None:
    """Train for so many steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--prompts", type=int, required=True)
    parser.add_argument("--response-tokens", type=int, required=True)
    parser.add_argument("--micro-batch", type=int, required=True)
    options = parser.parse_args()

    rows = [json.loads(line) for line in (options.folder / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
    turns = Turns(options.steps)
    turns.begin()
    callback = TurnsCallback(turns)
    settings = GRPOConfig(
        output_dir=str(options.folder / "peer"),
        max_steps=options.steps,
        use_cpu=options.device == "cpu",
        bf16=options.device != "cpu",
        gradient_checkpointing=True,
        per_device_train_batch_size=options.micro_batch,
        gradient_accumulation_steps=2 * options.prompts // options.micro_batch,
        num_generations=2,
        max_completion_length=options.response_tokens,
        temperature=1.0,
        top_k=0,
        loss_type="grpo",
        beta=0.0,
        learning_rate=1e-6,
        lr_scheduler_type="constant",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    callback.trainer = TimedTrainer(
        # Weights of 32 bits under autocast, as on our side.
        model=AutoModelForCausalLM.from_pretrained(options.folder / "model", dtype=torch.float32),
        reward_funcs=lambda completions, **_columns: [scored(response) for response in completions],
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": row["problem"]} for row in rows]),
        processing_class=AutoTokenizer.from_pretrained(options.folder / "model"),
        callbacks=[callback],
    )
    callback.trainer.train()


if __name__ == "__main__":
    main()
