"""OpenRLHF's trainer that generates beside the training (`mode=async`), with our rollouts inside."""

from typing import Any

import ray
from openrlhf.trainer import ppo_trainer_async

from twogrpo.errors import DataError, StoreError, TrainingError
from twogrpo.monitor import MetricsLog
from twogrpo.openrlhf.recording import RecordingTrainer, plain_class, prepare_datasets
from twogrpo.openrlhf.samples import StoringSamples
from twogrpo.openrlhf.settings import Settings

__all__ = ["AsyncTrainer", "RemoteAsyncTrainer"]

_Lock: Any = plain_class(ppo_trainer_async.VLLMLock)
_Generator: Any = plain_class(ppo_trainer_async.GenerateSamplesActor)
_TrainingActor: Any = plain_class(ppo_trainer_async.TrainingActor)
_AsyncTrainer: Any = plain_class(ppo_trainer_async.PPOTrainerAsync)


class VersionedLock(_Lock):
    """The lock around the engines, which also knows the version of their weights."""

    def __init__(self) -> None:
        super().__init__()
        self._version = 0

    async def set_version(self, version: int) -> None:
        """Remember which weights the engines have; called while the lock is held."""
        self._version = version

    async def get_version(self) -> int:
        """Return which weights the engines have."""
        return self._version


class StoringGenerator(_Generator):
    """Generates beside the training, and stores what it generates."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ppo_trainer_async.prepare_datasets = prepare_datasets
        ppo_trainer_async.SamplesGenerator = StoringSamples
        super().__init__(*args, **kwargs)
        lock = self.vllm_lock
        self.samples_generator.policy_version = lambda: ray.get(lock.get_version.remote())

    def evaluate_after(self, step: int) -> dict[str, float]:
        """Return the scores of the last weights, which no batch follows."""
        self._last_eval_step = step
        return self._run_eval()

    def close(self) -> None:
        """Let another process write the run."""
        self.samples_generator.close()

    def _run_eval(self) -> dict[str, float]:
        # The trainer's step, which the generator is ahead of.
        self.samples_generator.evaluated_step = self._last_eval_step
        theirs: dict[str, float] = super()._run_eval()
        return {**self.samples_generator.scores, **theirs}

    def fit(self, episode: int, total_consumed_prompts: int) -> None:
        """Generate the whole run; where that fails, the trainer ends behind what it was given."""
        try:
            super().fit(episode, total_consumed_prompts)
        except BaseException:
            self.rollout_queue.put("done", block=True)
            raise


class OverlappingTrainer(_TrainingActor, RecordingTrainer):
    """Trains beside the generation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.publish_version(self.policy_version)

    def broadcast_to_vllm(self) -> None:
        """Give the engines the weights of this moment, while the generator waits."""
        # Ray copies every inherited method that it cannot find by name, and a copy does not know its `super()`.
        super().broadcast_to_vllm()

    def fit(self, global_step: int = 0) -> None:
        """Train on what is generated."""
        super().fit(global_step)
        self.save_reached()

    def publish_version(self, version: int) -> None:
        """Tell the generator, which asks the lock; at the end of a broadcast the lock is held."""
        ray.get(self.vllm_lock.set_version.remote(version))


class AsyncTrainer(_AsyncTrainer):
    """Starts the generator and the trainer that overlap."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ppo_trainer_async.VLLMLock = ray.remote(num_cpus=0)(VersionedLock)
        ppo_trainer_async.GenerateSamplesActor = ray.remote(StoringGenerator)
        ppo_trainer_async.TrainingActor = ray.remote(OverlappingTrainer)
        super().__init__(*args, **kwargs)

    def fit(self) -> None:
        """Train the whole run; the last step is kept and evaluated, and kept also where rewards fail."""
        try:
            super().fit()
            self._evaluate_last()
        except (DataError, StoreError, TrainingError):
            # Waits for the trainer, which ends behind the batches that it was given, and saves. The generator is not
            # waited for: where the trainer has failed, it waits for the trainer.
            ray.get(self.trainer_actor.save_reached.remote())
            raise
        ray.get(self.generator_actor.close.remote())

    def _evaluate_last(self) -> None:
        """Make the evaluation that OpenRLHF leaves out: its generator ends before the last batches are trained on."""
        settings = Settings.of_environment()
        step, every = ray.get(self.trainer_actor.evaluation_due.remote())
        is_made = step == 0 or MetricsLog(settings.metrics).has_evaluation(step)
        if settings.eval_prompts.exists() and not is_made and step % every == 0:
            scores = ray.get(self.generator_actor.evaluate_after.remote(step))
            ray.get(self.trainer_actor.save_best_checkpoint.remote(scores, step))


RemoteAsyncTrainer = ray.remote(AsyncTrainer)
