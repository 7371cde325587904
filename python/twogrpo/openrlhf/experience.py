"""OpenRLHF's experience maker with our advantages: what has nothing to teach is left out before the first forward.

OpenRLHF divides a step's loss by the rows (or tokens) that it is given. What is left out still counts, as in Eq. 5, so
the advantages of what is kept are scaled by what OpenRLHF will divide by over what the objective divides by. The loss
is linear in the advantage, clipped or not, so this is exact for one optimizer step a batch; with several, nothing is
left out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker

from twogrpo.errors import TrainingError
from twogrpo.objectives import contributes, effective_share, importance_weights

if TYPE_CHECKING:
    from twogrpo.config import OnlineConfig
    from twogrpo.openrlhf.captured import Captured

__all__ = ["Selection", "SkippingMaker", "select"]


@dataclass(frozen=True)
class Selection:
    """Which rollouts of a batch are forwarded.

    Attributes:
        rows: Their places in the batch, padding at the end; as many as the ranks share evenly.
        padding: How many of them are padding: rows with an advantage of 0.
        scale: What the advantages are multiplied by.
    """

    rows: list[int]
    padding: int
    scale: float


def select(
    advantages: Sequence[float],
    tokens: Sequence[int],
    counted: Sequence[bool],
    *,
    multiple: int,
    is_token_mean: bool,
    may_skip: bool,
) -> Selection:
    """Return which rows to forward, and the factor that keeps the denominator of the objective.

    Args:
        advantages: One a row.
        tokens: Response tokens, one count a row.
        counted: Whether the row belongs to the objective's denominator: every one, or those of decided groups.
        multiple: Rows that the ranks share evenly: ranks x micro-batch x optimizer steps.
        is_token_mean: OpenRLHF divides by tokens, not by rows.
        may_skip: Every term of the loss is a multiple of the advantage.
    """
    is_kept = contributes(torch.tensor(advantages)).tolist() if may_skip else [True] * len(advantages)
    kept = [row for row, keep in enumerate(is_kept) if keep]
    missing = -len(kept) % multiple if kept else multiple
    # The shortest rows cost least; where none is left out, the shortest of all stands in for another. A row without any
    # token comes last: OpenRLHF divides by tokens.
    cost = [(count == 0, count) for count in tokens]
    spare = sorted((row for row, keep in enumerate(is_kept) if not keep), key=cost.__getitem__)
    shortest = min(range(len(tokens)), key=cost.__getitem__)
    padding = [*spare[:missing], *[shortest] * (missing - len(spare[:missing]))]
    rows = kept + padding
    weights = tokens if is_token_mean else [1] * len(tokens)
    total = sum(weight for weight, is_counted in zip(weights, counted, strict=True) if is_counted)
    # By sequences, OpenRLHF leaves out those without a token.
    divided = sum(tokens[row] if is_token_mean else min(1, tokens[row]) for row in rows)
    return Selection(rows, len(padding), divided / total if total else 0.0)


class SkippingMaker(RemoteExperienceMaker):
    """Makes experiences of the rollouts that contribute, and remembers what it left out.

    Attributes:
        last: What a step's metrics say about the batch.
    """

    def __init__(self, *args: Any, config: "OnlineConfig", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._counts_ties = config.objective.ties == "count"
        self._updates = config.updates_per_step
        self._cap = config.objective.importance.cap
        self.last: dict[str, float] = {}

    @torch.no_grad()
    def make_experience_batch(self, rollout_samples: list[Experience]) -> list[Experience]:
        """Return micro-batches of the rows to train on, equally many for every rank."""
        rollouts: list[Captured] = [sample.labels[0] for sample in rollout_samples]
        if not any(rollout.values["response_ids"] for rollout in rollouts):
            raise TrainingError("every response of the batch is empty; look into openrlhf.log for what vLLM said")
        advantages = [rollout.advantage or 0.0 for rollout in rollouts]
        decided = {rollout.draw.group_id for rollout in rollouts if rollout.advantage}
        selection = select(
            advantages,
            [len(rollout.values["response_ids"]) for rollout in rollouts],
            [self._counts_ties or rollout.draw.group_id in decided for rollout in rollouts],
            multiple=self._ranks * self.args.train.micro_batch_size * self._updates,
            is_token_mean=self._is_token_mean,
            may_skip=self._may_skip,
        )
        real = len(selection.rows) - selection.padding
        scaled = [advantages[row] * selection.scale for row in selection.rows[:real]] + [0.0] * selection.padding
        # A row that pads twice would be numbered once.
        chosen = [_copy(rollout_samples[row]) for row in selection.rows]
        for sample in chosen:
            sample.labels = [""]
        experiences: list[Experience] = self.make_experience(self.split_rollout_samples(chosen))
        _set_advantages(experiences, scaled)
        kept_tokens = sum(len(rollouts[row].values["response_ids"]) for row in selection.rows)
        self.last = {
            "trained_rollouts": real,
            "padding_rollouts": selection.padding,
            "advantage_scale": selection.scale,
            "forwarded_tokens": kept_tokens,
            **_sampler_gap(experiences, self._cap),
        }
        return experiences

    @property
    def _ranks(self) -> int:
        args = self.args
        ranks = args.actor.num_nodes * args.actor.num_gpus_per_node
        return int(ranks // args.ds.ring_attn_size // args.ds.tensor_parallel_size)

    @property
    def _is_token_mean(self) -> bool:
        # GSPO averages over sequences whatever the flag says.
        actor = self.args.actor
        return bool(actor.loss_agg_mode == "token-mean" and actor.policy_loss_type != "gspo")

    @property
    def _may_skip(self) -> bool:
        args = self.args
        has_other_terms = args.algo.kl.init_coef > 0 or bool(args.actor.entropy_coef) or args.actor.aux_loss_coef > 0
        # Dynamic batches fire an optimizer step for a full batch only.
        return self._updates == 1 and not has_other_terms and not args.train.dynamic_batch_enable


def _copy(sample: Experience) -> Experience:
    copied = Experience(**vars(sample))
    copied.info = dict(sample.info)
    return copied


def _set_advantages(experiences: list[Experience], scaled: list[float]) -> None:
    """Give every response token its rollout's advantage."""
    for experience in experiences:
        # Dynamic batches are grouped by length: the index says which row is where.
        advantages_B1 = torch.tensor([scaled[row] for row in experience.index]).unsqueeze(1)
        experience.advantages = advantages_B1 * experience.action_mask
        experience.returns = experience.advantages.clone()
        experience.info["return"] = advantages_B1.squeeze(1)
        experience.kl = None


def _sampler_gap(experiences: list[Experience], cap: float) -> dict[str, float]:
    """Return how far the sampler's logprobs are from the trainer's own, in nats a token, and what the weights come to.

    Args:
        experiences: With both policies' logprobs.
        cap: Largest weight pi_old / mu, `objective.importance.cap`.
    """
    sums: Counter[str] = Counter()
    largest = 0.0
    for experience in experiences:
        mask_BT = experience.action_mask.bool()
        old_BT, behaviour_BT = experience.action_log_probs.float(), experience.rollout_log_probs.float()
        gap = (behaviour_BT - old_BT).abs()[mask_BT]
        _, figures = importance_weights(old_BT, behaviour_BT, mask_BT, level="token", cap=cap)
        sums.update({"gap": float(gap.sum()), **{name: float(value) for name, value in figures.items()}})
        largest = max(largest, float(gap.max()) if gap.numel() else 0.0)
    share = {name: sums[name] for name in ("weights", "weight_sum", "weight_square_sum")}
    return {
        "sampler_gap_mean": sums["gap"] / max(1.0, sums["weights"]),
        "sampler_gap_max": largest,
        "importance_effective_share": effective_share(**share),
        "importance_truncated_mass": sums["truncated_mass"] / max(1.0, sums["weights"]),
    }
