"""Every way to cut the work on one batch, and the training step that works so."""

from dataclasses import dataclass, field, replace

import torch

from tests.train.invariance_material import GROUP, VOCABULARY, gradients_of, make_model, online_config
from twogrpo.generate import Generation
from twogrpo.models import recompute_activations
from twogrpo.train import learner
from twogrpo.train.checkpoint import TrainState
from twogrpo.train.head import LogitsTile
from twogrpo.train.logprobs import TokenBatch
from twogrpo.train.policy_step import policy_step


@dataclass(frozen=True)
class Cut:
    """One way to cut the work."""

    token_budget: int = 4096
    tile: LogitsTile | None = None
    recomputes: bool = False
    pads_left: bool = False
    skips: bool = True
    order: tuple[int, ...] | None = None
    learner: dict[str, bool] = field(default_factory=dict)


PADDED = {"packs": False}
CUTS = {
    "one micro-batch": Cut(),
    "two micro-batches": Cut(token_budget=60),
    "a micro-batch a pair": Cut(token_budget=34),
    "groups cut apart": Cut(token_budget=30),
    "padded on the right": Cut(token_budget=60, learner=PADDED),
    "padded on the left": Cut(pads_left=True, learner=PADDED),
    "prompts computed again for every response": Cut(learner={"share_prompts": False}),
    "logits of three tokens": Cut(tile=LogitsTile(3, VOCABULARY)),
    "logits of seven entries": Cut(tile=LogitsTile(5, 7)),
    "layers computed again": Cut(recomputes=True),
    "last layer computed in full": Cut(learner={"cuts_last_layer": False}),
    "norms as they are": Cut(learner={"fuses_norms": False}),
    "nothing skipped": Cut(skips=False),
    "groups in another order": Cut(token_budget=60, order=(5, 2, 7, 0, 6, 4, 1, 3)),
}


def has_cut(name, dtype):
    """Return whether a cut changes anything: norms are fused in float32 alone."""
    return dtype == torch.float32 or CUTS[name].learner.get("fuses_norms", True)


@dataclass(frozen=True)
class Recorder(learner.Learner):
    """A learner that keeps its gradients instead of stepping on them."""

    seen: list = field(default_factory=list)

    def apply(self, *_settings):
        self.seen.append(gradients_of(self.model))
        return 0.0


class LeftPadded(TokenBatch):
    @classmethod
    def pack(cls, *sequences, **settings):
        return padded_left(TokenBatch.pack(*sequences, **settings))


def padded_left(batch):
    """Return the same rows with their padding moved to the left."""
    columns_T = torch.arange(batch.input_ids_BT.shape[1])
    positions_BT = columns_T - (len(columns_T) - batch.attention_mask_BT.sum(dim=1, keepdim=True))
    moved = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
    moved = (values_BT.gather(1, positions_BT % len(columns_T)) for values_BT in moved)
    return TokenBatch(*moved, positions_BT.clamp(min=0))


def rollouts_of(batch, cut):
    """Return the batch as the cut wants it."""
    batch = batch if cut.skips else unskipped(batch)
    return batch if cut.order is None else reordered(batch, cut.order)


def reordered(batch, order):
    """Return the batch with its groups in another order, and the members of each the other way round."""
    rows = [GROUP * group + member for group in order for member in reversed(range(GROUP))]
    sampled = batch.generation
    generation = Generation(*([column[row] for row in rows] for column in (sampled.response_ids, sampled.logprobs)), [])
    return replace(
        batch,
        draws=[batch.draws[group] for group in order],
        generation=generation,
        rewards_PG=batch.rewards_PG[list(order)].flip(1),
        advantages_B=batch.advantages_B[rows],
        is_tied_P=batch.is_tied_P[list(order)],
        is_inert_P=batch.is_inert_P[list(order)],
    )


def unskipped(batch):
    """Return the batch with advantages that are too small to be felt where they are 0, so that nothing is skipped."""
    return replace(batch, advantages_B=batch.advantages_B.double().masked_fill(batch.advantages_B == 0, 1e-300))


def open_learner(kind, model, cut, monkeypatch, *, optimizer=None):
    """Return a learner of the model that works as the cut says."""
    if cut.tile is not None:
        monkeypatch.setattr(LogitsTile, "of", lambda *_, **__: cut.tile)
    if cut.pads_left:
        monkeypatch.setattr(learner, "TokenBatch", LeftPadded)
    if cut.recomputes:
        recompute_activations(model)
    return kind(model, optimizer, torch.device("cpu"), torch.float32, pad_id=0, **cut.learner)


def step(batch, objective, cut, monkeypatch, *overrides, dtype, is_adapted=False):
    """Return the metrics and the gradients of policy_step's one update."""
    batch = rollouts_of(batch, cut)
    opened = open_learner(Recorder, make_model(dtype, is_adapted=is_adapted), cut, monkeypatch)
    config = online_config(objective, *overrides, token_budget=cut.token_budget)
    metrics = policy_step(opened, batch, config, TrainState(), total_updates=1)
    (gradients,) = opened.seen
    return metrics, gradients
