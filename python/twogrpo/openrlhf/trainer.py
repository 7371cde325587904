"""OpenRLHF's trainer that generates and trains in turns, with our rollouts inside.

OpenRLHF's trainers are a hierarchy of classes behind Ray actors, and what they make they look up in their modules by
name. So our classes stand between its base and its trainers, and take the places of those names: `INSTALLED` lists
every one, those of `overlapping.py`, `actor.py` and `online.py` too.
"""

from typing import Any

import ray
from openrlhf.trainer import ppo_trainer

from twogrpo.errors import DataError, StoreError, TrainingError
from twogrpo.openrlhf.recording import RecordingTrainer, plain_class, prepare_datasets
from twogrpo.openrlhf.samples import StoringSamples

__all__ = ["INSTALLED", "RemoteSyncTrainer", "SyncTrainer"]

INSTALLED = (
    "openrlhf.trainer.ppo_trainer:prepare_datasets",
    "openrlhf.trainer.ppo_trainer:SamplesGenerator",
    "openrlhf.trainer.ppo_trainer:PPOTrainer",
    "openrlhf.trainer.ppo_trainer_async:prepare_datasets",
    "openrlhf.trainer.ppo_trainer_async:SamplesGenerator",
    "openrlhf.trainer.ppo_trainer_async:VLLMLock",
    "openrlhf.trainer.ppo_trainer_async:GenerateSamplesActor",
    "openrlhf.trainer.ppo_trainer_async:TrainingActor",
    "openrlhf.trainer.ppo_trainer_async:PPOTrainerAsync",
    "openrlhf.trainer.ray.ppo_actor:PolicyModelActor",
    "openrlhf.trainer.ray.ppo_actor:ActorPPOTrainer",
)
"""Names of OpenRLHF's modules that are taken, each `module:name`."""

_SyncTrainer: Any = plain_class(ppo_trainer.PPOTrainer)


class SyncTrainer(_SyncTrainer, RecordingTrainer):
    """Generates and trains in turns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ppo_trainer.prepare_datasets = prepare_datasets
        ppo_trainer.SamplesGenerator = StoringSamples
        super().__init__(*args, **kwargs)
        self.publish_version(self.policy_version)

    def publish_version(self, version: int) -> None:
        """Tell the generator, which lives in this process."""
        self.samples_generator.policy_version = lambda: version

    def evaluate(self, global_step: int, **generate_kwargs: Any) -> dict[str, float]:
        """Return the scores over all problems, and OpenRLHF's own by data source."""
        theirs: dict[str, float] = super().evaluate(global_step, **generate_kwargs)
        return {**self.samples_generator.scores, **theirs}

    def fit(self, global_step: int = 0) -> None:
        """Train the whole run; the last step is kept, also where rewards or replayed rollouts fail."""
        try:
            self._catch_up_evaluation()
            super().fit(global_step)
        except (DataError, StoreError, TrainingError):
            self.save_reached()
            raise
        finally:
            self.samples_generator.close()
        self.save_reached()

    def _catch_up_evaluation(self) -> None:
        """Make the evaluation of the checkpoint that is resumed from, if the run had stopped before it."""
        step, every = self._settings.first_step, self.args.eval.steps
        if step == 0 or not self.eval_dataloader or step % every or self._metrics.has_evaluation(step):
            return
        self.broadcast_to_vllm()
        section = {
            "temperature": self.args.eval.temperature,
            "n_samples_per_prompt": self.args.eval.n_samples_per_prompt,
        }
        self.save_best_checkpoint(self.evaluate(step, **{**self.generate_kwargs, **section}), step)


RemoteSyncTrainer = ray.remote(SyncTrainer)
