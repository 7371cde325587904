"""OpenRLHF's trainers with our rollouts inside: recorded versions, our experience maker, our metrics.

OpenRLHF's trainers are a hierarchy of classes behind Ray actors, and what they make they look up in their modules by
name. So these classes stand between its base and its trainers, and take the places of those names: `INSTALLED` lists
every one.
"""

import math
import shutil
from typing import TYPE_CHECKING, Any

import ray
from openrlhf.trainer import ppo_trainer, ppo_trainer_async
from openrlhf.trainer.ppo_trainer import BasePPOTrainer

from twogrpo.errors import DataError, StoreError, TrainingError
from twogrpo.monitor import MetricsLog
from twogrpo.openrlhf.experience import SkippingMaker
from twogrpo.openrlhf.prompts import load_loaders
from twogrpo.openrlhf.samples import StoringSamples
from twogrpo.openrlhf.settings import Settings

if TYPE_CHECKING:
    from twogrpo.openrlhf.captured import Captured

__all__ = ["INSTALLED", "AsyncTrainer", "RemoteAsyncTrainer", "RemoteSyncTrainer", "SyncTrainer"]

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


def _plain(actor: Any) -> Any:
    """Return the class that a Ray actor class was made of."""
    return actor.__ray_metadata__.modified_class.__ray_actor_class__


_SyncTrainer: Any = _plain(ppo_trainer.PPOTrainer)
_Lock: Any = _plain(ppo_trainer_async.VLLMLock)
_Generator: Any = _plain(ppo_trainer_async.GenerateSamplesActor)
_TrainingActor: Any = _plain(ppo_trainer_async.TrainingActor)
_AsyncTrainer: Any = _plain(ppo_trainer_async.PPOTrainerAsync)


def _prepare_datasets(strategy: Any, tokenizer: Any) -> tuple[Any, Any, int]:
    del strategy, tokenizer
    return load_loaders(Settings.of_environment())


class RecordingTrainer(BasePPOTrainer):
    """What both of OpenRLHF's trainers do differently here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings.of_environment()
        config = self._settings.config
        self._metrics = MetricsLog(self._settings.metrics)
        self._statistics: dict[str, Any] = {}
        self._batches = self._settings.first_step
        self._save_every = self.args.ckpt.save_steps
        self._reached: tuple[int, dict[str, Any]] = (0, {})
        made: Any = self.experience_maker
        self.experience_maker: SkippingMaker = SkippingMaker(
            made.actor_model_group,
            made.critic_model_group,
            made.reward_model_group,
            made.initial_model_group,
            made.kl_ctl,
            made.strategy,
            made.tokenizer,
            config=config,
        )

    @property
    def policy_version(self) -> int:
        """Optimizer steps behind the weights that the engines have."""
        return int(self._batches * self._settings.config.updates_per_step)

    def train_step(self, rollout_samples: list[Any], global_step: int) -> tuple[dict[str, Any], int]:
        """Train on one batch, and return its metrics and the number of batches."""
        first: Captured = rollout_samples[0].labels[0]
        self._statistics = first.statistics or {}
        self._statistics["policy_lag"] = global_step * self._settings.config.updates_per_step - first.policy_version
        self._batches = global_step + 1
        status, global_step = super().train_step(rollout_samples, global_step)
        loss, norm = status.get("policy_loss", 0.0), status.get("actor_grad_norm", 0.0)
        # DeepSpeed skips such a step in silence, and reports some of them with a norm of -1.
        if not (math.isfinite(loss) and math.isfinite(norm) and norm >= 0):
            # Weights behind such a step are not worth a checkpoint.
            self._reached = (0, {})
            raise TrainingError(
                f"step {global_step - 1}: the loss is {loss} and the norm of the gradient {norm}, expected finite "
                "numbers; lower train.learning_rate, then go on from the checkpoint before with --resume"
            )
        status.update({f"twogrpo/{name}": value for name, value in self.experience_maker.last.items()})
        return status, global_step

    def broadcast_to_vllm(self) -> None:
        """Give the engines the weights of this moment, and say which they are."""
        super().broadcast_to_vllm()
        self.publish_version(self.policy_version)

    def publish_version(self, version: int) -> None:
        """Tell the generator which weights the engines have."""
        raise NotImplementedError

    def save_logs_and_checkpoints(
        self, global_step: int, logs_dict: dict[str, Any] | None = None, client_states: dict[str, Any] | None = None
    ) -> None:
        """Write the line of metrics, and a checkpoint when one is due or the run is at its end."""
        logs = logs_dict or {}
        kind = "replay" if "replayed_run" in self._statistics else "train"
        row = {"kind": kind, "step": global_step - 1, **self._statistics, **self.experience_maker.last, **_own(logs)}
        self._metrics.append(row)
        self._reached = (global_step, client_states or {})
        self.args.ckpt.save_steps = global_step if global_step == self._settings.steps else self._save_every
        super().save_logs_and_checkpoints(global_step, logs_dict, client_states)
        self._drop_old_checkpoints()

    def evaluation_due(self) -> tuple[int, float]:
        """Return the steps that were trained, and after how many an evaluation is due; the last step is always."""
        step, _ = self._reached
        every = self.args.eval.steps
        return step, step if every >= self._settings.steps else every

    def save_reached(self) -> None:
        """Write a checkpoint of the last step that was trained, if there is none: filtering ends a run early."""
        step, client_states = self._reached
        if step > 0 and step % self.args.ckpt.save_steps:
            self.args.ckpt.save_steps = step
            super().save_logs_and_checkpoints(step, {}, client_states)

    def _drop_old_checkpoints(self) -> None:
        """Keep the newest checkpoints, and as many Hugging Face folders; called when the newest is whole."""
        folder = self._settings.run / "checkpoints" / "deepspeed"
        for found in (folder.glob("global_step*_hf"), (folder / "_actor").glob("global_step*")):
            by_step = sorted(found, key=lambda path: int(path.name.removeprefix("global_step").removesuffix("_hf")))
            for old in by_step[: -self._settings.config.checkpoint.keep]:
                shutil.rmtree(old)

    def save_best_checkpoint(
        self, eval_metrics: dict[str, float], global_step: int, client_states: dict[str, Any] | None = None
    ) -> None:
        """Write the line of an evaluation; the newest weights are kept, not the best."""
        del client_states
        self._metrics.append({"kind": "eval", "step": global_step, **eval_metrics})

    def _compute_rollout_stats(self, experiences: list[Any]) -> dict[str, float]:
        """Return what OpenRLHF logs of the rollouts, over all of them and not only over those that were forwarded."""
        del experiences
        seen = self._statistics
        return {
            "rollout/reward_mean": seen["reward"],
            "rollout/response_length_mean": seen["response_tokens_mean"],
            "rollout/truncated_rate": seen["cut_share"],
            "rollout/num_samples": float(seen["rollouts"]),
            "rollout/tied_share": seen["tied_share"],
        }


class SyncTrainer(_SyncTrainer, RecordingTrainer):
    """Generates and trains in turns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ppo_trainer.prepare_datasets = _prepare_datasets
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
        ppo_trainer_async.prepare_datasets = _prepare_datasets
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


def _own(logs: dict[str, Any]) -> dict[str, Any]:
    """Return OpenRLHF's figures of a step under the names that the local engine gives them."""
    names = {
        "loss": "policy_loss",
        "grad_norm": "actor_grad_norm",
        "learning_rate": "actor_lr",
        "clipped_share": "ppo_clip_ratio",
        "kl_old": "ppo_kl",
        "generate_s": "timing/generation",
        "make_experience_s": "timing/make_experience",
        "train_s": "timing/ppo_train",
        "broadcast_s": "timing/broadcast",
        "step_s": "timing/step_total",
    }
    return {name: logs[theirs] for name, theirs in names.items() if theirs in logs}


RemoteSyncTrainer = ray.remote(SyncTrainer)
RemoteAsyncTrainer = ray.remote(AsyncTrainer)
