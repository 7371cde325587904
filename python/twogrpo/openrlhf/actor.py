"""OpenRLHF's policy actor, with as many micro-batches an optimizer step as the batch at hand has."""

from typing import Any

import ray
from openrlhf.trainer.ray import ppo_actor

from twogrpo.openrlhf.settings import Settings

__all__ = ["PolicyActor", "RemotePolicyActor"]

_PlainActor: Any = ppo_actor.PolicyModelActor.__ray_metadata__.modified_class.__ray_actor_class__


class _Trainer(ppo_actor.ActorPPOTrainer):
    """Knows that the engines are there before it waits for them to join: a dead one would be waited for without end."""

    def _init_vllm_sync_group(self, backend: str) -> None:
        ray.get([engine.get_num_unfinished_requests.remote() for engine in self.vllm_engines])
        super()._init_vllm_sync_group(backend)


class PolicyActor(_PlainActor):
    """Fits whatever is in its replay buffer in whole optimizer steps.

    OpenRLHF accumulates over a fixed number of micro-batches: a shorter batch would fire no optimizer step, and its
    gradient would leak into the next one.
    """

    def init_model_from_pretrained(self, *args: Any, **kwargs: Any) -> None:
        """Load the model, and join the engines.

        Raises:
            RayError: An engine has died.
        """
        ppo_actor.ActorPPOTrainer = _Trainer
        super().init_model_from_pretrained(*args, **kwargs)

    def fit(self, kl_ctl: float = 0) -> dict[str, Any]:
        """Return the metrics of training on the replay buffer."""
        args = self.strategy.args
        if not args.train.dynamic_batch_enable:
            updates = Settings.of_environment().config.updates_per_step
            rows = len(self.trainer.replay_buffer)
            accumulated = rows // args.train.micro_batch_size // updates
            engine = self.actor.model
            engine.set_train_batch_size(accumulated * args.train.micro_batch_size * engine.dp_world_size)
            # DeepSpeed finds the end of a step by a count over the whole run, which fits one number of micro-batches.
            engine.micro_steps = 0
            # OpenRLHF's moving average has the same kind of count.
            self.strategy.time_steps["ema"] = 0
            self.strategy.accumulated_gradient = accumulated
        status: dict[str, Any] = super().fit(kl_ctl)
        return status


RemotePolicyActor = ray.remote(num_gpus=1)(PolicyActor)
