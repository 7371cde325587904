"""Beside TRL's own loss, computed by its trainer on a model, where `trl` is installed."""

from types import SimpleNamespace

import pytest
import torch

from twogrpo.objectives import group_advantages, policy_loss

trl = pytest.importorskip("trl", reason="the comparison with TRL's own loss needs `pip install trl`")

# TRL and what it imports warn about their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

VOCABULARY, LONGEST = 29, 6


@pytest.fixture(scope="module")
def make_trainer(tmp_path_factory):
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    words = {f"<{index}>": index for index in range(VOCABULARY)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<0>"))  # noqa: S106  # a token of a vocabulary
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<0>", eos_token="<1>")  # noqa: S106
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=VOCABULARY, num_key_value_heads=2, initializer_range=0.5, **shape))

    def make(loss_type):
        args = trl.GRPOConfig(
            output_dir=str(tmp_path_factory.mktemp("trl")),
            loss_type=loss_type,
            scale_rewards="group",
            beta=0.0,
            epsilon=0.2,
            temperature=1.0,
            max_completion_length=LONGEST,
            num_generations=2,
            per_device_train_batch_size=4,
            use_cpu=True,
            bf16=False,
            report_to="none",
        )
        return trl.GRPOTrainer(
            model=model,
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=args,
            train_dataset=Dataset.from_dict({"prompt": ["<2>"] * 4}),
            processing_class=tokenizer,
        )

    return make


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(5)
    lengths_B = torch.tensor([6, 2, 1, 4])
    rewards_PG = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    return SimpleNamespace(
        prompt_ids=torch.randint(2, VOCABULARY, (4, 3), generator=generator),
        completion_ids=torch.randint(2, VOCABULARY, (4, LONGEST), generator=generator),
        mask_BT=torch.arange(LONGEST) < lengths_B[:, None],
        drift_BT=0.3 * torch.randn(4, LONGEST, generator=generator),
        advantages_B=group_advantages(rewards_PG, std="sample", eps=1e-4).flatten(),
    )


def logps_of(model, batch):
    ids = torch.cat([batch.prompt_ids, batch.completion_ids], dim=1)
    attended = torch.cat([torch.ones_like(batch.prompt_ids), batch.mask_BT.long()], dim=1)
    logps_BTV = model(ids, attention_mask=attended).logits[:, 2:-1].log_softmax(-1)
    return logps_BTV.gather(2, batch.completion_ids[:, :, None]).squeeze(2)


@pytest.mark.parametrize(
    ("loss_type", "aggregate"), [("grpo", "sequence_mean"), ("dapo", "token_mean"), ("dr_grpo", "constant")]
)
def test_loss_and_gradient_equal_those_of_trls_trainer(make_trainer, batch, loss_type, aggregate):
    trainer = make_trainer(loss_type)
    model, tokens = trainer.model.eval(), batch.mask_BT.sum()
    logps_BT = logps_of(model, batch)
    old_BT = logps_BT.detach() + batch.drift_BT
    inputs = {
        "prompt_ids": batch.prompt_ids,
        "prompt_mask": torch.ones_like(batch.prompt_ids),
        "completion_ids": batch.completion_ids,
        "completion_mask": batch.mask_BT.long(),
        "advantages": batch.advantages_B,
        "old_per_token_logps": old_BT,
        "num_items_in_batch": tokens,
    }
    ours, _ = policy_loss(
        logps_BT,
        old_BT,
        batch.advantages_B,
        batch.mask_BT,
        aggregate=aggregate,
        rollouts=4,
        tokens=int(tokens),
        max_tokens=LONGEST,
    )
    theirs = trainer._compute_loss(model, inputs)  # TRL has no public loss
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    weights = list(model.parameters())
    for found, expected in zip(torch.autograd.grad(ours, weights), torch.autograd.grad(theirs, weights), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
