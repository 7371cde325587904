"""One batch, one small model, and the plain loop over whole logits that every way to cut the work is held against.

The plain loop skips, packs, pads, shares and chunks nothing and calls nothing of the package: each rollout goes through
the model alone, and the equations are written out.
"""

import copy
from dataclasses import dataclass
from functools import cache

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

from twogrpo import OnlineConfig
from twogrpo.adapters import add_adapter
from twogrpo.generate import Generation
from twogrpo.objectives import group_advantages
from twogrpo.prompts import Draw, Prompt
from twogrpo.train.collect import RolloutBatch

GROUP, LONGEST, VOCABULARY, CAP = 2, 24, 37, 1.05
# Of eight groups three are tied and one is inert. Two that teach have one prompt. Lengths are as unequal as responses
# are, but what is skipped has six tokens a group, so that an update's tokens are known without its plan.
REWARDS_PG = torch.tensor([[1, 0], [0, 0], [0, 1], [1, 1], [1, 0], [0, 1], [0, 0], [1, 0]], dtype=torch.float32)
INERT_P = torch.tensor([False] * 7 + [True])
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8], [9, 10], [1, 2, 3], [11] * 7, [12], [13, 14]]
LENGTHS = [3, 24, 1, 5, 9, 9, 2, 4, 24, 2, 7, 1, 3, 3, 5, 1]
SKIPPED_TOKENS = 6

DTYPES = {"float64": torch.float64, "float32": torch.float32}
# Of the gradient's largest number, and of the loss.
ROUNDING = {torch.float64: 1e-12, torch.float32: 5e-6}
AGGREGATES = ("sequence_mean", "token_mean", "constant")


@dataclass(frozen=True)
class Objective:
    """What policy_step is asked to compute; with a level, pi_old is recomputed and weighted against the sampler."""

    aggregate: str = "sequence_mean"
    clip: float = 0.05
    ties: str = "count"
    level: str | None = None

    def keys(self):
        yield from (f"objective.aggregate={self.aggregate}", f"objective.ties={self.ties}")
        yield from (f"objective.clip_low={min(1.0, self.clip)}", f"objective.clip_high={self.clip}")
        yield from (f"objective.importance.level={self.level or 'token'}", f"objective.importance.cap={CAP}")


def online_config(objective, *overrides, token_budget=4096):
    keys = [f"rollout.max_new_tokens={LONGEST}", "rollout.temperature=1", f"rollout.prompts_per_step={len(PROMPTS)}"]
    keys += [f"train.token_budget={token_budget}", "train.warmup_steps=0", *objective.keys(), *overrides]
    return OnlineConfig.load(None, ["model.path=m", "data.path=d", *keys])


@cache
def _model(dtype, *, is_adapted):
    torch.manual_seed(0)
    shape = {"vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4, "initializer_range": 0.3}
    model = Qwen2ForCausalLM(Qwen2Config(**shape, **heads, max_position_embeddings=64)).to(dtype).train()
    # The norms of transformers compute in float32 whatever the model's numbers are.
    for block in (*model.model.layers, model.model) if dtype == torch.float64 else ():
        for name, module in list(block.named_children()):
            if isinstance(module, Qwen2RMSNorm):
                setattr(block, name, torch.nn.RMSNorm(16, eps=module.variance_epsilon, dtype=dtype))
    if is_adapted:
        model = add_adapter(model, rank=2, alpha=None, targets=(), seed=0).to(dtype)
        for name, weight in model.named_parameters():
            if "lora_B" in name:  # zeros as made, which would leave the other half without a gradient
                torch.nn.init.normal_(weight, std=0.3)
    return model


def make_model(dtype, *, is_adapted=False):
    return copy.deepcopy(_model(dtype, is_adapted=is_adapted))


@cache
def make_batch(dtype, *, drift=0.1, std="population", eps=0.0, inert=True, is_replayed=False):
    """Return rollouts of a sampler whose logprobs stray from the model's by `drift`, so that ratios leave 1."""
    model, generator = make_model(dtype), torch.Generator().manual_seed(1)
    response_ids = [torch.randint(VOCABULARY, (length,), generator=generator).tolist() for length in LENGTHS]
    strays = [drift * torch.randn(length, generator=generator) for length in LENGTHS]
    prompts = [Prompt("p", ("1",), "d", str(index), tuple(ids)) for index, ids in enumerate(PROMPTS)]
    with torch.no_grad():
        logprobs = [
            (whole_logps(model, PROMPTS[row // GROUP], ids) + strays[row]).float().tolist()  # as samplers give them
            for row, ids in enumerate(response_ids)
        ]
    inert_P = INERT_P if inert else torch.zeros_like(INERT_P)
    advantages_PG = group_advantages(REWARDS_PG, std=std, eps=eps)
    advantages_PG[inert_P] = 0.0
    return RolloutBatch(
        draws=[Draw(index, prompt) for index, prompt in enumerate(prompts)],
        generation=Generation(response_ids, logprobs, ["stop"] * len(response_ids)),
        responses=[""] * len(response_ids),
        scores=None,
        rewards_PG=REWARDS_PG,
        advantages_B=advantages_PG.flatten(),
        is_tied_P=(REWARDS_PG[:, 0] == REWARDS_PG[:, 1]) & ~inert_P,
        is_inert_P=inert_P,
        generate_s=0.0,
        verify_s=0.0,
        is_replayed=is_replayed,
    )


def whole_logps(model, prompt, response):
    ids = torch.tensor([*prompt, *response])
    logps_TV = model(ids[None]).logits[0].log_softmax(-1)
    return logps_TV[len(prompt) - 1 : -1].gather(1, ids[len(prompt) :, None]).squeeze(1)


def batch_logps(model, batch, row):
    return whole_logps(model, batch.prompt_ids(row), batch.generation.response_ids[row])


def plain_backward(model, batch, objective, rows, *, rollouts, tokens, old=None):
    """Add the gradient of Eq. 5 over some rollouts, one by one, and return its loss; `old` holds another pi_old."""
    total = 0.0
    for row in rows:
        logps_T = batch_logps(model, batch, row)
        sampler_T = torch.tensor(batch.generation.logprobs[row], dtype=logps_T.dtype)
        old_T, weights_T = sampler_T, torch.ones_like(sampler_T)
        if objective.level is not None:
            old_T = logps_T.detach() if old is None else old[row]
            stray_T = old_T - sampler_T
            if objective.level != "off":
                weights_T = (stray_T.sum() if objective.level == "sequence" else stray_T).exp().clamp(max=CAP)
        ratio_T, advantage = (logps_T - old_T).exp(), batch.advantages_B[row]
        clipped_T = ratio_T.clamp(1 - min(1.0, objective.clip), 1 + objective.clip)
        terms_T = weights_T * torch.minimum(ratio_T * advantage, clipped_T * advantage)
        divisors = {"sequence_mean": rollouts * len(terms_T), "token_mean": tokens, "constant": rollouts * LONGEST}
        loss = -terms_T.sum() / divisors[objective.aggregate]
        loss.backward()
        total += loss.item()
    return total


@cache
def plain(objective, *, dtype, is_adapted=False, **batch_settings):
    """Return the loss and the gradients of Eq. 5 over every rollout that counts."""
    batch = make_batch(dtype, is_replayed=objective.level is not None, **batch_settings)
    model = make_model(dtype, is_adapted=is_adapted)
    counts_B = torch.ones(len(LENGTHS), dtype=torch.bool)
    if objective.ties == "drop":
        counts_B = batch.advantages_B != 0
    tokens = int(torch.tensor(LENGTHS)[counts_B].sum())
    loss = plain_backward(model, batch, objective, range(len(LENGTHS)), rollouts=int(counts_B.sum()), tokens=tokens)
    return loss, gradients_of(model)


def gradients_of(model):
    return [weight.grad.clone() for weight in model.parameters() if weight.requires_grad]


def largest_difference(found, expected):
    scale = max(float(slope.abs().max()) for slope in expected)
    return max(float((one - other).abs().max()) for one, other in zip(found, expected, strict=True)) / scale
