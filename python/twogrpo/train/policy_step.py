"""The optimizer steps made on one batch of rollouts: plan, forward and backward over what contributes, step."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from twogrpo.objectives import effective_share, importance_weights, policy_loss
from twogrpo.objectives.ratios import masked_log_ratio
from twogrpo.train.collect import sampling_params
from twogrpo.train.schedule import learning_rate
from twogrpo.train.update_plan import UpdatePlan

if TYPE_CHECKING:
    from twogrpo.config import OnlineConfig
    from twogrpo.train.checkpoint import TrainState
    from twogrpo.train.collect import RolloutBatch
    from twogrpo.train.learner import Learner

__all__ = ["needs_recomputed_logps", "policy_step"]


@dataclass(frozen=True)
class _Batch:
    """One batch with what its loss needs beside it."""

    rollouts: "RolloutBatch"
    config: "OnlineConfig"
    old_logps: Sequence[Tensor] | None

    @property
    def is_truncated(self) -> bool:
        """Whether the sampler's distribution is a truncated one, against which a weight would be biased."""
        # Truncated rollouts are not replayed, whatever the run's own sampling is.
        return not self.rollouts.is_replayed and sampling_params(self.config).is_truncated

    def behaviour(self, rows: Sequence[int], like_BR: Tensor) -> Tensor:
        """Return the sampler's logprobs of some rows, padded as `like_BR`."""
        return _padded([torch.as_tensor(self.rollouts.generation.logprobs[row]) for row in rows], like_BR)


def needs_recomputed_logps(rollouts: "RolloutBatch", config: "OnlineConfig") -> bool:
    """Return whether pi_old must be the trainer's own forward pass instead of the sampler's logprobs.

    Replayed rollouts are another policy's. In bfloat16 the two differ by up to tenths of a nat; under top-p, top-k or
    min-p the sampler's distribution is a truncated one, against which a ratio would be biased.
    """
    is_exact = config.model.dtype == "float32" and not sampling_params(config).is_truncated
    return rollouts.is_replayed or not is_exact


def policy_step(
    learner: "Learner", rollouts: "RolloutBatch", config: "OnlineConfig", state: "TrainState", total_updates: int
) -> dict[str, float]:
    """Make the optimizer steps of one batch, advance `state.updates`, and return the metrics.

    Rollouts whose every loss term is zero are left out of forward and backward; the denominators still count them
    (`objective.ties: count`).
    """
    plan = UpdatePlan.of(rollouts, config, state.step)
    batch = _Batch(rollouts, config, _old_logps(learner, rollouts, config, plan))
    sums: Counter[str] = Counter()
    peaks = {"ratio_max": 0.0, "mismatch_max": 0.0}
    norms = []
    rate = 0.0
    # A batch of which nothing counts still makes its step: Adam's momentum, decay and the schedule go on.
    for update in range(max(1, plan.steps)):
        learner.zero_gradients()
        if update < plan.steps:
            sums.update(_accumulate(learner, batch, plan, update, peaks))
        rate = _rate(config, state, total_updates)
        norms.append(learner.apply(rate, config.train.max_grad_norm, state.step))
        state.updates += 1
    tokens = max(1.0, sums["tokens"])
    return {
        "loss": sums["loss"] / len(norms),
        "grad_norm": sum(norms) / len(norms),
        "learning_rate": rate,
        "clipped_share": (sums["clipped_low_tokens"] + sums["clipped_high_tokens"]) / tokens,
        "approx_kl": sums["approx_kl_sum"] / tokens,
        "ratio_mean": sums["ratio_sum"] / tokens,
        "mismatch_mean": sums["mismatch_sum"] / max(1.0, sums["mismatch_tokens"]),
        **peaks,
        "importance_effective_share": effective_share(
            weights=sums["weights"], weight_sum=sums["weight_sum"], weight_square_sum=sums["weight_square_sum"]
        ),
        "importance_truncated_mass": sums["truncated_mass"] / max(1.0, sums["weights"]),
        "trained_tokens": sums["input_tokens"],
        "trained_rollouts": sums["rows"],
    }


def _old_logps(
    learner: "Learner", rollouts: "RolloutBatch", config: "OnlineConfig", plan: UpdatePlan
) -> list[Tensor] | None:
    """Return pi_old of every row that several updates will need, or None where it is at hand without a pass."""
    if not needs_recomputed_logps(rollouts, config) or plan.steps == 1:
        return None
    old = [torch.empty(0)] * len(rollouts.responses)
    with torch.no_grad():
        for update in range(plan.steps):
            for rows in plan.micro_batches(update):
                logps_BR, mask_BR = _logps(learner, rollouts, rows, config)
                for row, logps_R, mask_R in zip(rows, logps_BR, mask_BR, strict=True):
                    old[row] = logps_R[mask_R].cpu()
    return old


def _accumulate(
    learner: "Learner", batch: _Batch, plan: UpdatePlan, update: int, peaks: dict[str, float]
) -> dict[str, float]:
    """Run forward and backward over one optimizer step's micro-batches and return summed metrics."""
    rollouts, config = batch.rollouts, batch.config
    counted_rollouts, counted_tokens = plan.denominators(update)
    sums: Counter[str] = Counter()
    for rows in plan.micro_batches(update):
        logps_BR, mask_BR = _logps(learner, rollouts, rows, config)
        old_BR, weights_BR, importance = _centre(batch, rows, logps_BR, mask_BR)
        loss, metrics = policy_loss(
            logps_BR,
            old_BR,
            rollouts.advantages_B[rows].to(logps_BR),
            mask_BR,
            aggregate=config.objective.aggregate,
            clip_low=config.objective.clip_low,
            clip_high=config.objective.clip_high,
            rollouts=max(1, counted_rollouts),
            tokens=max(1, counted_tokens),
            max_tokens=config.rollout.max_new_tokens,
            weights_BT=weights_BR,
        )
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        # Before its first update the trainer holds the weights that sampled: what differs is arithmetic alone.
        distance = _distance(batch, rows, logps_BR, mask_BR) if update == 0 else {}
        figures = _numbers({"loss": loss, **metrics, **importance, **distance})
        for name, known in peaks.items():
            peaks[name] = max(known, figures.pop(name, 0.0))
        inputs = sum(len(rollouts.prompt_ids(row)) + len(rollouts.generation.response_ids[row]) for row in rows)
        sums.update({**figures, "rows": len(rows), "input_tokens": inputs})
    return dict(sums)


def _centre(
    batch: _Batch, rows: Sequence[int], logps_BR: Tensor, mask_BR: Tensor
) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
    """Return pi_old, the truncated weights pi_old / mu where the two differ, and their metrics."""
    if not needs_recomputed_logps(batch.rollouts, batch.config):
        return batch.behaviour(rows, logps_BR), None, {}
    old_BR = logps_BR.detach()
    if batch.old_logps is not None:
        old_BR = _padded([batch.old_logps[row] for row in rows], logps_BR)
    importance = batch.config.objective.importance
    if importance.level == "off" or batch.is_truncated:
        return old_BR, None, {}
    weights_BR, metrics = importance_weights(
        old_BR, batch.behaviour(rows, logps_BR), mask_BR, level=importance.level, cap=importance.cap
    )
    return old_BR, weights_BR, metrics


def _distance(batch: _Batch, rows: Sequence[int], logps_BR: Tensor, mask_BR: Tensor) -> dict[str, Tensor]:
    """Return how far the trainer's logprobs are from those that the sampler reported, in nats a token."""
    distance_BR = masked_log_ratio(logps_BR.detach(), batch.behaviour(rows, logps_BR), mask_BR).abs()
    farthest = distance_BR.amax() if distance_BR.numel() else distance_BR.sum()
    return {"mismatch_sum": distance_BR.sum(), "mismatch_max": farthest, "mismatch_tokens": mask_BR.sum()}


def _numbers(figures: dict[str, Tensor]) -> dict[str, float]:
    """Return tensors of one number each as numbers, with one wait for the device."""
    like = figures["loss"].detach()
    values = torch.stack([value.detach().to(like) for value in figures.values()])
    return dict(zip(figures, values.tolist(), strict=True))


def _logps(
    learner: "Learner", rollouts: "RolloutBatch", rows: Sequence[int], config: "OnlineConfig"
) -> tuple[Tensor, Tensor]:
    return learner.logps(
        [rollouts.prompt_ids(row) for row in rows],
        [rollouts.generation.response_ids[row] for row in rows],
        temperature=config.rollout.temperature,
    )


def _rate(config: "OnlineConfig", state: "TrainState", total_updates: int) -> float:
    return learning_rate(
        state.updates,
        peak=config.train.learning_rate,
        warmup_updates=config.train.warmup_steps,
        total_updates=total_updates,
        schedule=config.train.schedule,
    )


def _padded(rows: Sequence[Tensor], like_BR: Tensor) -> Tensor:
    """Return rows of numbers as one tensor with the shape, dtype and device of `like_BR`, zeros behind each row."""
    result_BR = torch.zeros(like_BR.shape, dtype=like_BR.dtype)
    for index, row in enumerate(rows):
        result_BR[index, : len(row)] = row
    return result_BR.to(like_BR.device)
