"""Beside TRL's own DPO trainer, step by step, where `trl` is installed."""

import copy

import pytest
import torch

from twogrpo.config.training import DpoTrainSection
from twogrpo.objectives import dpo_loss
from twogrpo.train.learner import Learner
from twogrpo.train.optimizer import make_optimizer

trl = pytest.importorskip("trl", reason="the comparison with TRL's own trainer needs `pip install trl`")

# TRL and what it imports warn about their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

VOCABULARY, PAIRS, STEPS, BETA, RATE = 29, 4, 4, 0.5, 1e-2


@pytest.fixture
def tokenizer():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {f"<{index}>": index for index in range(VOCABULARY)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<0>"))  # noqa: S106  # a token of a vocabulary
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<0>", eos_token="<1>")  # noqa: S106


@pytest.fixture
def model_path(tmp_path):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=VOCABULARY, num_key_value_heads=1, initializer_range=0.5, **shape))
    model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(3)

    def ids(longest):
        length = int(torch.randint(1, longest + 1, (1,), generator=generator))
        return torch.randint(2, VOCABULARY, (length,), generator=generator).tolist()

    return [{"prompt_ids": ids(5), "chosen_ids": ids(9), "rejected_ids": ids(9)} for _ in range(PAIRS * STEPS)]


def trl_losses(model, rows, tokenizer, folder):
    from datasets import Dataset

    args = trl.DPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=PAIRS,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        train_sampling_strategy="sequential",
        beta=BETA,
        num_train_epochs=1,
        max_grad_norm=1.0,
        weight_decay=0.0,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    text = Dataset.from_list([{"prompt": "<2>", "chosen": "<3>", "rejected": "<4>"}] * len(rows))
    trainer = trl.DPOTrainer(model=model, args=args, train_dataset=text, processing_class=tokenizer)
    trainer.train_dataset = Dataset.from_list(rows)
    trainer.train()
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def our_losses(model, rows):
    train = DpoTrainSection(learning_rate=RATE, max_grad_norm=1.0)
    learner = Learner(model, make_optimizer(model, train), torch.device("cpu"), torch.float32, pad_id=0)
    reference = Learner(copy.deepcopy(model), learner.optimizer, learner.device, learner.dtype, pad_id=0)
    losses = []
    for step in range(STEPS):
        batch = rows[step * PAIRS : (step + 1) * PAIRS]
        prompts = [row["prompt_ids"] for row in batch] * 2
        responses = [row[side] for side in ("chosen_ids", "rejected_ids") for row in batch]
        with torch.no_grad():
            expected_B = reference.logps(prompts, responses)[0].sum(dim=1)
        logps_B = learner.logps(prompts, responses)[0].sum(dim=1)
        learner.zero_gradients()
        loss, _ = dpo_loss(*logps_B.chunk(2), *expected_B.chunk(2), beta=BETA, pairs=PAIRS)
        loss.backward()
        learner.apply(RATE, train.max_grad_norm, step)
        losses.append(loss.item())
    return losses


def test_every_steps_loss_equals_that_of_trls_trainer(model_path, rows, tokenizer, tmp_path):
    from transformers import Qwen2ForCausalLM

    theirs = trl_losses(Qwen2ForCausalLM.from_pretrained(model_path), rows, tokenizer, tmp_path / "trl")
    ours = our_losses(Qwen2ForCausalLM.from_pretrained(model_path), rows)
    assert ours == pytest.approx(theirs, abs=1e-4)
    assert ours[-1] != pytest.approx(ours[0], abs=1e-2)
