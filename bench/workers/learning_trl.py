"""The peer's side of `bench/learning.py`: a whole run of GRPOTrainer from the same warm start, its model saved."""

import json
import time

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOTrainer

from step_trl import problems, read_options, settings, verified

# Names of ours, and what the trainer's log calls them.
FIGURES = {
    "reward": "reward",
    "tied_share": "frac_reward_zero_std",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "response_tokens_mean": "completions/mean_length",
}


def main() -> None:
    """Train, save, and print where the model is, what it took and the figures of each step."""
    options = read_options()
    torch.set_num_threads(options.threads)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    # Its own warm-up begins at a rate of 0, ours at the first part of the rise.
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    schedule = LambdaLR(optimizer, lambda update: min(1.0, (update + 1) / options.warmup_steps))
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=verified,
        args=settings(options),
        train_dataset=problems(options.rows),
        processing_class=tokenizer,
        optimizers=(optimizer, schedule),
    )
    started = time.process_time()
    trainer.train()
    cpu_s = time.process_time() - started
    trainer.save_model(str(options.run_dir / "model"))
    steps = [logged for logged in trainer.state.log_history if "reward" in logged]
    report = {
        "model": str(options.run_dir / "model"),
        "rollouts": len(steps) * options.prompts * options.group_size,
        "cpu_s": cpu_s,
        "steps": {ours: [step[theirs] for step in steps] for ours, theirs in FIGURES.items()},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
