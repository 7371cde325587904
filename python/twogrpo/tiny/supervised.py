"""Supervised training on demonstrations: one loop for the warm start and for the control that goes on with it.

The control asks what the online run's computing time would have bought without a verifier, so it has to be the same
code on the same demonstrations, stopped by CPU seconds instead of steps.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = [
    "CpuSeconds",
    "Example",
    "OnStep",
    "Steps",
    "SupervisedResult",
    "SupervisedSettings",
    "encode_examples",
    "load_examples",
    "supervise",
]

# Rows of a batch differ in length by up to three times; four sorted slices take 40 % less time than one padded batch.
_SLICES = 4

OnStep = Callable[[int, float], None]
"""Called after each step with the number of steps done and the batch's loss."""


@dataclass(frozen=True)
class Example:
    """A prompt and the response to imitate, as token ids; the response ends with the end token."""

    prompt_ids: tuple[int, ...]
    response_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.response_ids)


@dataclass(frozen=True)
class Steps:
    """Stop after so many optimizer steps."""

    count: int


@dataclass(frozen=True)
class CpuSeconds:
    """Stop with the first step after so many CPU seconds of this process, those of `on_step` left out."""

    count: float


@dataclass(frozen=True)
class SupervisedSettings:
    """AdamW with a linear warm-up and a linear decay over the budget."""

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.1
    batch_size: int = 64
    warmup_steps: int = 30
    final_share: float = 0.05
    """What the decay leaves of the learning rate when the budget is spent."""
    max_grad_norm: float = 1.0

    def learning_rate_at(self, step: int, spent: float) -> float:
        """Return the rate of the step with this index (from 0) when the share `spent` of the budget is used."""
        warmup = min(1.0, (step + 1) / self.warmup_steps)
        return self.learning_rate * warmup * (1 - (1 - self.final_share) * spent)


@dataclass(frozen=True)
class SupervisedResult:
    """What a supervised run came to."""

    steps: int
    tokens: int
    """Prompt and response tokens, padding left out."""
    cpu_seconds: float
    loss: float
    """Mean loss of the last 20 steps, nats a response token."""


def encode_examples(pairs: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerBase) -> list[Example]:
    """Return (problem, response) pairs as token ids, through the chat template and with the end token."""
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": problem}], tokenize=False, add_generation_prompt=True
        )
        for problem, _ in pairs
    ]
    prompt_ids = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    response_ids = tokenizer([response for _, response in pairs], add_special_tokens=False)["input_ids"]
    return [
        Example(tuple(prompt), (*response, tokenizer.eos_token_id))
        for prompt, response in zip(prompt_ids, response_ids, strict=True)
    ]


def load_examples(path: Path, tokenizer: PreTrainedTokenizerBase) -> list[Example]:
    """Return the demonstrations of a file that `materialise` wrote."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return encode_examples([(row["problem"], row["response"]) for row in rows], tokenizer)


def supervise(
    model: PreTrainedModel,
    examples: Sequence[Example],
    settings: SupervisedSettings,
    *,
    budget: Steps | CpuSeconds,
    pad_id: int,
    seed: int,
    on_step: OnStep | None = None,
) -> SupervisedResult:
    """Train the model in place on random batches of the examples with a fresh AdamW, on one thread.

    Args:
        model: Any causal model of transformers; its weights change.
        examples: What to imitate. A batch holds none twice; batches are drawn independently of each other.
        settings: Optimizer, batch size and schedule.
        budget: When to stop; the learning rate decays along it.
        pad_id: The token that fills a row's end; it reaches neither the loss nor, the model being causal, the rest.
        seed: Decides on the batches. Equal seeds, steps and starting weights give equal weights, bit for bit.
        on_step: Called after each step; its time is not counted.
    """
    rng = random.Random(f"tiny supervised {seed}")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, betas=settings.betas, weight_decay=settings.weight_decay
    )
    steps, tokens, spent_s, losses = 0, 0, 0.0, []
    with _one_thread():
        while (share := _spent(budget, steps, spent_s)) < 1:
            start_s = time.process_time()
            batch = rng.sample(examples, min(settings.batch_size, len(examples)))
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate_at(steps, share)
            losses.append(_step(model, optimizer, batch, pad_id, settings.max_grad_norm))
            steps, tokens = steps + 1, tokens + sum(map(len, batch))
            spent_s += time.process_time() - start_s
            if on_step is not None:
                on_step(steps, losses[-1])
    return SupervisedResult(steps, tokens, spent_s, sum(losses[-20:]) / max(1, len(losses[-20:])))


def _spent(budget: Steps | CpuSeconds, steps: int, cpu_seconds: float) -> float:
    """Return the share of the budget that is used, 1 or more when there is none left."""
    used = steps if isinstance(budget, Steps) else cpu_seconds
    return used / budget.count if budget.count > 0 else 1.0


def _step(
    model: PreTrainedModel, optimizer: torch.optim.Optimizer, batch: list[Example], pad_id: int, max_grad_norm: float
) -> float:
    """Take one optimizer step on the mean over all response tokens of the batch; return that mean."""
    optimizer.zero_grad(set_to_none=True)
    response_tokens = sum(len(example.response_ids) for example in batch)
    loss = 0.0
    for rows in _slices(batch):
        part = _summed_loss(model, rows, pad_id) / response_tokens
        torch.autograd.backward(part)
        loss += part.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
    optimizer.step()
    return loss


def _slices(batch: list[Example]) -> Iterator[list[Example]]:
    """Yield the batch in slices of rows of like length."""
    by_length = sorted(batch, key=len)
    size = -(-len(batch) // _SLICES)
    for start in range(0, len(by_length), size):
        yield by_length[start : start + size]


def _summed_loss(model: PreTrainedModel, rows: list[Example], pad_id: int) -> Tensor:
    """Return the summed cross-entropy of the response tokens; the head sees only the positions before them."""
    longest = max(map(len, rows))
    ids_BT = torch.full((len(rows), longest), pad_id)
    is_response_BT = torch.zeros(len(rows), longest, dtype=torch.bool)
    for row, example in enumerate(rows):
        ids_BT[row, : len(example)] = torch.tensor(example.prompt_ids + example.response_ids)
        is_response_BT[row, len(example.prompt_ids) : len(example)] = True
    hidden = model.base_model(input_ids=ids_BT[:, :-1], use_cache=False).last_hidden_state
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    logits_V = head(hidden[is_response_BT[:, 1:]])
    return cross_entropy(logits_V, ids_BT[is_response_BT], reduction="sum")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep sums in one order, so that weights are the same whatever the machine has; small matrices lose nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
