"""One gradient, however the work is cut: beside a plain loop over whole logits that skips, packs and chunks nothing."""

from itertools import product

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

from twogrpo import OnlineConfig
from twogrpo.generate import Generation
from twogrpo.models import recompute_activations
from twogrpo.objectives import dpo_loss, group_advantages, policy_loss
from twogrpo.prompts import Draw, Prompt
from twogrpo.train import head
from twogrpo.train.checkpoint import TrainState
from twogrpo.train.collect import RolloutBatch
from twogrpo.train.learner import Learner
from twogrpo.train.policy_step import policy_step

GROUP, LONGEST = 2, 24
# Of eight groups three are tied and one is inert; lengths are as unequal as responses are.
REWARDS_PG = torch.tensor([[1, 0], [0, 0], [0, 1], [1, 1], [1, 0], [0, 1], [0, 0], [1, 0]], dtype=torch.float32)
INERT_P = torch.tensor([False] * 7 + [True])
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8], [1, 2, 3], [9, 10], [11] * 7, [12], [13, 14]]
LENGTHS = [3, 24, 1, 5, 9, 9, 2, 2, 24, 2, 7, 1, 3, 3, 5, 6]
ROUNDING = 1e-12

AGGREGATES = ("sequence_mean", "token_mean", "constant")
CLIPS = {"active": 0.05, "inactive": 50.0}
VARIANTS = {
    "one micro-batch": {},
    "many micro-batches": {"token_budget": 40},
    "a micro-batch a pair": {"token_budget": 31},
    "padded rows": {"packs": False},
    "padded rows, many micro-batches": {"packs": False, "token_budget": 40},
    "prompts computed again for every response": {"share_prompts": False},
    "chunks of three tokens": {"chunk_bytes": 3 * 4 * 37},
    "layers computed again": {"checkpointing": True},
    "last layer computed in full": {"cuts_last_layer": False},
    "norms as they are": {"fuses_norms": False},
    "other order of pairs": {"seed": 5, "token_budget": 40},
}


class Recorder(Learner):
    """A learner that keeps its gradients instead of stepping on them."""

    def apply(self, *_settings):
        self.seen.append([weight.grad.clone() for weight in self.model.parameters()])
        return 0.0


def make_model(dtype):
    torch.manual_seed(0)
    shape = {"vocab_size": 37, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4, "initializer_range": 0.3}
    model = Qwen2ForCausalLM(Qwen2Config(**shape, **heads, max_position_embeddings=64)).to(dtype).train()
    # The norms of transformers compute in float32 whatever the model's numbers are.
    for block in (*model.model.layers, model.model) if dtype == torch.float64 else ():
        for name, module in list(block.named_children()):
            if isinstance(module, Qwen2RMSNorm):
                norm = torch.nn.RMSNorm(16, eps=module.variance_epsilon, dtype=dtype)
                setattr(block, name, norm)
    return model


def make_batch(model):
    generator = torch.Generator().manual_seed(1)
    response_ids = [torch.randint(37, (length,), generator=generator).tolist() for length in LENGTHS]
    prompts = [Prompt("p", ("1",), "d", str(index), tuple(ids)) for index, ids in enumerate(PROMPTS)]
    with torch.no_grad():
        # The sampler was another policy, so that ratios stray from 1 on both sides.
        logprobs = [
            (plain_logps(model, PROMPTS[row // GROUP], ids) + 0.1 * torch.randn(len(ids), generator=generator))
            .float()  # as samplers give them
            .tolist()
            for row, ids in enumerate(response_ids)
        ]
    advantages_PG = group_advantages(REWARDS_PG)
    advantages_PG[INERT_P] = 0.0
    return RolloutBatch(
        draws=[Draw(index, prompt) for index, prompt in enumerate(prompts)],
        generation=Generation(response_ids, logprobs, ["stop"] * len(response_ids)),
        responses=[""] * len(response_ids),
        scores=None,
        rewards_PG=REWARDS_PG,
        advantages_B=advantages_PG.flatten(),
        is_tied_P=(REWARDS_PG[:, 0] == REWARDS_PG[:, 1]) & ~INERT_P,
        is_inert_P=INERT_P,
        generate_s=0.0,
        verify_s=0.0,
    )


def plain_logps(model, prompt, response):
    ids = torch.tensor([*prompt, *response])
    logps_TV = model(ids[None]).logits[0].log_softmax(-1)
    return logps_TV[len(prompt) - 1 : -1].gather(1, ids[len(prompt) :, None]).squeeze(1)


def plain_gradient(dtype, aggregate, clip, *, rollouts=16):
    """Return the gradient of Eq. 5 over every rollout, one by one."""
    model = make_model(dtype)
    batch = make_batch(model)
    for row, ids in enumerate(batch.generation.response_ids):
        logps_1R = plain_logps(model, PROMPTS[row // GROUP], ids)[None]
        loss, _ = policy_loss(
            logps_1R,
            torch.tensor([batch.generation.logprobs[row]], dtype=dtype),
            batch.advantages_B[row : row + 1],
            torch.ones_like(logps_1R, dtype=torch.bool),
            aggregate=aggregate,
            clip_low=min(1.0, clip),
            clip_high=clip,
            rollouts=rollouts,
            tokens=sum(LENGTHS),
            max_tokens=LONGEST,
        )
        loss.backward()
    return [weight.grad for weight in model.parameters()]


def step_gradient(dtype, aggregate, clip, monkeypatch, *, checkpointing=False, chunk_bytes=None, seed=0, **settings):
    model = make_model(dtype)
    if chunk_bytes is not None:
        monkeypatch.setattr(head, "_CPU_BYTES", chunk_bytes)
        monkeypatch.setattr(head, "_SMALLEST_CHUNK", 1)
    if checkpointing:
        recompute_activations(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    budget = settings.pop("token_budget", 4096)
    learner = Recorder(model, optimizer, torch.device("cpu"), torch.float32, pad_id=0, **settings)
    object.__setattr__(learner, "seen", [])
    keys = [f"objective.aggregate={aggregate}", f"objective.clip_low={min(1.0, clip)}", f"objective.clip_high={clip}"]
    keys += [f"train.token_budget={budget}", f"rollout.max_new_tokens={LONGEST}", "rollout.temperature=1"]
    keys += [f"rollout.prompts_per_step={len(PROMPTS)}", "train.rollouts_per_update=null", f"seed={seed}"]
    config = OnlineConfig.load(None, ["model.path=m", "data.path=d", *keys])
    metrics = policy_step(learner, make_batch(model), config, TrainState(), total_updates=1)
    (gradient,) = learner.seen
    return gradient, metrics


def largest_difference(found, expected):
    scale = max(float(slope.abs().max()) for slope in expected)
    return max(float((one - other).abs().max()) for one, other in zip(found, expected, strict=True)) / scale


@pytest.fixture(scope="module")
def plain():
    """Return each plain gradient once."""
    known = {}

    def gradient(*key):
        if key not in known:
            known[key] = plain_gradient(*key)
        return known[key]

    return gradient


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("aggregate", "clipping"), list(product(AGGREGATES, CLIPS)))
def test_every_cut_of_the_work_gives_the_gradient_of_the_plain_loop(plain, monkeypatch, aggregate, clipping, variant):
    clip = CLIPS[clipping]
    found, metrics = step_gradient(torch.float64, aggregate, clip, monkeypatch, **VARIANTS[variant])
    assert (metrics["clipped_share"] > 0) == (clipping == "active")
    assert metrics["trained_rollouts"] == 8
    assert largest_difference(found, plain(torch.float64, aggregate, clip)) < ROUNDING


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_so_does_it_in_float32_to_its_precision(plain, monkeypatch, aggregate, variant):
    found, _ = step_gradient(torch.float32, aggregate, CLIPS["active"], monkeypatch, **VARIANTS[variant])
    assert largest_difference(found, plain(torch.float32, aggregate, CLIPS["active"])) < 5e-6


def test_dividing_by_the_rollouts_that_were_kept_would_be_another_gradient(monkeypatch):
    found, _ = step_gradient(torch.float64, "sequence_mean", CLIPS["active"], monkeypatch)
    kept = plain_gradient(torch.float64, "sequence_mean", CLIPS["active"], rollouts=8)
    assert largest_difference(found, kept) > 0.3


def dpo_gradient(monkeypatch, **settings):
    """Return the gradient of dpo's own micro-batches over the decided pairs."""
    from twogrpo import DpoConfig
    from twogrpo.train import dpo
    from twogrpo.train.pair_data import PairData

    chunk_bytes, checkpointing = settings.pop("chunk_bytes", None), settings.pop("checkpointing", False)
    budget, seed = settings.pop("token_budget", 4096), settings.pop("seed", 0)
    if chunk_bytes is not None:
        monkeypatch.setattr(head, "_CPU_BYTES", chunk_bytes)
        monkeypatch.setattr(head, "_SMALLEST_CHUNK", 1)
    model = make_model(torch.float64)
    batch = make_batch(model)
    if checkpointing:
        recompute_activations(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    learner = Learner(model, optimizer, torch.device("cpu"), torch.float32, pad_id=0, **settings)
    rows = range(2 * len(PROMPTS))
    pairs = [(0, 1), (5, 4), (8, 9), (11, 10)]
    data = PairData(
        pairs, {row: PROMPTS[row // GROUP] for row in rows}, dict(zip(rows, batch.generation.response_ids, strict=True))
    )
    keys = ["model.path=m", f"train.token_budget={budget}", f"seed={seed}", "train.rollouts_per_update=null"]
    config = DpoConfig.load(None, keys)
    session = type("Session", (), {"learner": learner})
    reference_N2 = torch.linspace(-30, -5, 2 * len(pairs)).reshape(-1, 2).double()
    run = dpo._Run(session, config, data, reference_N2, steps_per_epoch=1, total=1)
    learner.zero_gradients()
    for micro_batch in run.plan(0).micro_batches(0):
        dpo._accumulate(run, micro_batch, len(pairs))
    return [weight.grad for weight in model.parameters()], (config, data, reference_N2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_dpo_gives_the_gradient_of_the_plain_loop(monkeypatch, variant):
    settings = dict(VARIANTS[variant])
    if "token_budget" in settings:
        settings["token_budget"] = 60
    found, (config, data, reference_N2) = dpo_gradient(monkeypatch, **settings)
    model = make_model(torch.float64)
    for pair, rows in enumerate(data.rollout_ids):
        sums = [plain_logps(model, data.prompt_ids[row], data.response_ids[row]).sum()[None] for row in rows]
        references = [reference_N2[pair, side][None] for side in (0, 1)]
        dpo_loss(*sums, *references, beta=config.dpo.beta, pairs=len(data))[0].backward()
    assert largest_difference(found, [weight.grad for weight in model.parameters()]) < ROUNDING
