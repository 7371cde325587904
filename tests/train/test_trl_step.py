"""policy_step beside the loss of TRL's own trainer on the same batch, where `trl` is installed."""

from itertools import product

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from tests.train.invariance_cuts import CUTS, step
from tests.train.invariance_material import (
    DTYPES,
    GROUP,
    LENGTHS,
    LONGEST,
    REWARDS_PG,
    VOCABULARY,
    Objective,
    gradients_of,
    largest_difference,
    make_batch,
    make_model,
)

trl = pytest.importorskip("trl", reason="the comparison with TRL's own loss needs `pip install trl`")

# TRL and what it imports warn about their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

LOSS_TYPES = {"sequence_mean": "grpo", "token_mean": "dapo", "constant": "dr_grpo"}
CLIPS = {"clip active": 0.05, "clip inactive": 50.0}
EPS = 1e-4
# The others are held against the plain loop, as these are.
NAMES = ["one micro-batch", "a micro-batch a pair", "padded on the right", "logits of seven entries", "nothing skipped"]
# In both kinds of numbers: positions are rotated in float32, and TRL counts them from the padding on.
ROUNDING = 5e-6


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {f"<{index}>": index for index in range(VOCABULARY)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<0>"))  # noqa: S106  # a token of a vocabulary
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<0>", eos_token="<1>")  # noqa: S106


@pytest.fixture(scope="module")
def trl_loss(tokenizer, tmp_path_factory):
    """Return TRL's loss and gradients on the batch, each computed once."""
    from datasets import Dataset

    known = {}

    def compute(aggregate, clip, dtype):
        args = trl.GRPOConfig(
            output_dir=str(tmp_path_factory.mktemp("trl")),
            loss_type=LOSS_TYPES[aggregate],
            beta=0.0,
            epsilon=min(1.0, clip),
            epsilon_high=clip,
            temperature=1.0,
            max_completion_length=LONGEST,
            num_generations=GROUP,
            per_device_train_batch_size=len(LENGTHS),
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
        )
        trainer = trl.GRPOTrainer(
            model=make_model(dtype),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=args,
            train_dataset=Dataset.from_dict({"prompt": ["<2>"] * len(LENGTHS)}),
            processing_class=tokenizer,
        )
        model = trainer.model.eval()
        loss = trainer._compute_loss(model, inputs_of(dtype))  # TRL has no public loss
        loss.backward()
        return loss.item(), gradients_of(model)

    def once(*key):
        if key not in known:
            known[key] = compute(*key)
        return known[key]

    return once


def inputs_of(dtype):
    """Return the batch as TRL lays it out: prompts padded on the left, completions on the right, ties among them."""
    batch = make_rollouts(dtype)
    rows = range(len(LENGTHS))
    prompts = [torch.tensor(batch.prompt_ids(row)) for row in rows]
    completions = [torch.tensor(ids) for ids in batch.generation.response_ids]
    logprobs = [torch.tensor(row, dtype=dtype) for row in batch.generation.logprobs]
    # Its advantages, as its trainer writes them down.
    advantages_PG = (REWARDS_PG - REWARDS_PG.mean(1, keepdim=True)) / (REWARDS_PG.std(1, keepdim=True) + EPS)
    return {
        "prompt_ids": pad_sequence(prompts, batch_first=True, padding_side="left"),
        "prompt_mask": pad_sequence(list(map(torch.ones_like, prompts)), batch_first=True, padding_side="left"),
        "completion_ids": pad_sequence(completions, batch_first=True),
        "completion_mask": pad_sequence(list(map(torch.ones_like, completions)), batch_first=True),
        "old_per_token_logps": pad_sequence(logprobs, batch_first=True),
        "advantages": advantages_PG.flatten().to(dtype),
        "num_items_in_batch": torch.tensor(sum(LENGTHS)),
    }


def make_rollouts(dtype):
    # TRL knows no inert group.
    return make_batch(dtype, std="sample", eps=EPS, inert=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", DTYPES)
@pytest.mark.parametrize(("aggregate", "clipping"), list(product(LOSS_TYPES, CLIPS)))
def test_loss_and_gradient_of_a_step_equal_those_of_trls_trainer(
    trl_loss, monkeypatch, aggregate, clipping, number, name
):
    clip, dtype = CLIPS[clipping], DTYPES[number]
    objective = Objective(aggregate, clip=clip)
    metrics, gradients = step(make_rollouts(dtype), objective, CUTS[name], monkeypatch, dtype=dtype)
    loss, expected = trl_loss(aggregate, clip, dtype)
    assert (metrics["clipped_share"] > 0) == (clipping == "clip active")
    # TRL computes the ties as well.
    assert metrics["trained_rollouts"] == (10 if CUTS[name].skips else 16)
    assert metrics["loss"] == pytest.approx(loss, rel=0, abs=ROUNDING)
    assert largest_difference(gradients, expected) < ROUNDING


@pytest.mark.parametrize("changed", [{"std": "population"}, {"drift": 0.2}])
def test_another_convention_would_be_another_gradient(trl_loss, monkeypatch, changed):
    batch = make_batch(torch.float64, **{"std": "sample", "eps": EPS, "inert": False} | changed)
    metrics, gradients = step(batch, Objective(), CUTS[NAMES[0]], monkeypatch, dtype=torch.float64)
    loss, expected = trl_loss("sequence_mean", Objective().clip, torch.float64)
    assert metrics["loss"] != pytest.approx(loss, rel=0, abs=100 * ROUNDING)
    assert largest_difference(gradients, expected) > 100 * ROUNDING
