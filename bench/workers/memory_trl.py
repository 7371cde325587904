"""The peer's side of `bench/memory.py`: the loss of TRL's GRPOTrainer, one step over one pair."""

import sys
from tempfile import TemporaryDirectory

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

from half_billion import VOCABULARY, make_model, make_pair, report_step


def main() -> None:
    """Make the step and report it."""
    tokens, layers = int(sys.argv[1]), int(sys.argv[2])
    model = make_model(layers)
    words = {f"<{index}>": index for index in range(VOCABULARY)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<0>"))  # noqa: S106  # a token of a vocabulary
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<0>", eos_token="<1>")  # noqa: S106
    prompt, responses = make_pair(tokens)
    with TemporaryDirectory() as folder:
        settings = GRPOConfig(
            output_dir=folder,
            loss_type="grpo",
            beta=0.0,
            max_completion_length=tokens,
            num_generations=2,
            per_device_train_batch_size=2,
            gradient_checkpointing=True,
            use_cpu=True,
            bf16=False,
            report_to="none",
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=settings,
            train_dataset=Dataset.from_dict({"prompt": ["<2>"] * 4}),
            processing_class=tokenizer,
        )
    # The trainer's own loop turns this on; its loss is called here without it.
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)
    trainer.current_gradient_accumulation_steps = 1
    prompt_ids, completion_ids = torch.tensor([prompt, prompt]), torch.tensor(responses)
    inputs = {
        "prompt_ids": prompt_ids,
        "prompt_mask": torch.ones_like(prompt_ids),
        "completion_ids": completion_ids,
        "completion_mask": torch.ones_like(completion_ids),
        "advantages": torch.tensor([1.0, -1.0]),
        "num_items_in_batch": torch.tensor(2 * tokens),
    }

    def step() -> None:
        trainer._compute_loss(model, inputs).backward()  # noqa: SLF001  # TRL has no public loss
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    report_step(step, model)


if __name__ == "__main__":
    main()
