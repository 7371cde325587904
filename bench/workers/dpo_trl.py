"""The peer's side of `bench/dpo.py`: TRL's DPOTrainer with the same settings on the same pairs as text."""

from tempfile import TemporaryDirectory

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer

from epochs import options, report_epoch
from twogrpo import OnlineConfig


def main() -> None:
    """Train one epoch."""
    given = options()
    torch.set_num_threads(1)
    model_path = OnlineConfig.load(given.folder / "online" / "config.resolved.yaml").model.path
    with TemporaryDirectory() as folder:
        settings = DPOConfig(
            output_dir=folder,
            use_cpu=True,
            per_device_train_batch_size=given.pairs,
            learning_rate=given.learning_rate,
            beta=given.beta,
            num_train_epochs=1,
            lr_scheduler_type="constant",
            train_sampling_strategy="sequential",
            weight_decay=0.0,
            max_grad_norm=given.max_grad_norm,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            save_strategy="no",
            logging_steps=1,
            disable_tqdm=True,
            max_length=128,
        )

        def train() -> list[float]:
            rows = Dataset.from_parquet(str(given.folder / "pairs.parquet"))
            trainer = DPOTrainer(
                model=AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32),
                args=settings,
                train_dataset=rows.select_columns(["prompt", "chosen", "rejected"]),
                processing_class=AutoTokenizer.from_pretrained(model_path),
            )
            # What was sampled, which tokenising the texts does not bring back in every row.
            trainer.train_dataset = rows.select_columns(["prompt_ids", "chosen_ids", "rejected_ids"])
            trainer.train()
            return [row["loss"] for row in trainer.state.log_history if "loss" in row]

        report_epoch(train)


if __name__ == "__main__":
    main()
