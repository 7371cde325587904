"""What both of OpenRLHF's trainers do differently here: recorded versions, our experience maker, our metrics."""

import math
import shutil
from typing import TYPE_CHECKING, Any

from openrlhf.trainer.ppo_trainer import BasePPOTrainer

from twogrpo.errors import TrainingError
from twogrpo.monitor import MetricsLog
from twogrpo.openrlhf.experience import SkippingMaker
from twogrpo.openrlhf.prompts import load_loaders
from twogrpo.openrlhf.settings import Settings

if TYPE_CHECKING:
    from twogrpo.openrlhf.captured import Captured

__all__ = ["RecordingTrainer", "plain_class", "prepare_datasets"]


def plain_class(actor: Any) -> Any:
    """Return the class that a Ray actor class was made of."""
    return actor.__ray_metadata__.modified_class.__ray_actor_class__


def prepare_datasets(strategy: Any, tokenizer: Any) -> tuple[Any, Any, int]:
    """Return the run's loaders of prompts and of the evaluation's problems, and how many steps the run has."""
    del strategy, tokenizer
    return load_loaders(Settings.of_environment())


class RecordingTrainer(BasePPOTrainer):
    """The part that stands between OpenRLHF's base and both of its trainers."""

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
