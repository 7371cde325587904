"""OpenRLHF's DPO trainer with our line of metrics, our checkpoints and a way to stop; its steps are its own."""

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from openrlhf.trainer.dpo_trainer import DPOTrainer
from torch import Tensor

from twogrpo.errors import TrainingError
from twogrpo.monitor import MetricsLog
from twogrpo.openrlhf.dpo_checkpoints import seal_weights
from twogrpo.openrlhf.dpo_job import DpoJob

__all__ = ["PairTrainer"]

COUNTED = ("pairs", "loss", "correct", "chosen_reward", "rejected_reward")


class _Stopped(Exception):  # noqa: N818  # no error: somebody has asked for it
    """Leaves OpenRLHF's loop between two steps."""


class PairTrainer(DPOTrainer):  # type: ignore[misc,unused-ignore]  # OpenRLHF is not typed
    """DPO on pairs of token ids, on every rank.

    Args:
        job: The run.
        is_stop_requested: Whether this rank has been asked to stop after the step; one rank stops all.
        settings: What OpenRLHF passes.
    """

    loss_fn: Any
    save_hf_ckpt: bool

    def __init__(
        self,
        *,
        job: DpoJob,
        is_stop_requested: Callable[[], bool],
        **settings: Any,  # OpenRLHF's own
    ) -> None:
        super().__init__(**settings)
        self.job = job
        self.is_stop_requested = is_stop_requested
        self.metrics = MetricsLog(job.files.metrics)
        self.loss_fn = _Counted(self.loss_fn, self.scheduler)
        self.started, self.cpu_started = time.perf_counter(), time.process_time()

    def fit(self, args: Any, consumed_samples: int = 0, num_update_steps_per_epoch: int | None = None) -> None:
        """Train from the checkpoint on, to the last step or until somebody asks to stop.

        Raises:
            TrainingError: The checkpoint is not that of the step to begin with, or a gradient is not finite.
        """
        found = consumed_samples // args.train.batch_size
        if found != self.job.first_step:
            raise TrainingError(
                f"{self.job.files.deepspeed} has the checkpoint of step {found}, expected that of step "
                f"{self.job.first_step}; move away what is newer"
            )
        try:
            super().fit(args, consumed_samples, num_update_steps_per_epoch)
        except _Stopped:
            return

    def save_logs_and_checkpoints(
        self,
        args: Any,  # OpenRLHF's arguments
        global_step: int,
        step_bar: Any,  # tqdm's
        logs_dict: dict[str, float] | None = None,
        client_states: dict[str, int] | None = None,
    ) -> None:
        """Write the step's metrics and save where it is due: at the last step and before a stop in any case."""
        metrics, is_stopped = self._metrics(args, global_step, logs_dict or {})
        if self.strategy.is_rank_0():
            self.metrics.append(metrics)
        # Its own saving would count a folder of weights as a checkpoint, and delete the only one before a new one.
        self.disable_ds_ckpt, saves_weights, self.save_hf_ckpt = True, self.save_hf_ckpt, False
        super().save_logs_and_checkpoints(args, global_step, step_bar, logs_dict, client_states)
        self.save_hf_ckpt = saves_weights
        is_last = is_stopped or global_step == self.job.steps
        if is_last or global_step % args.ckpt.save_steps == 0:
            self._save(args, global_step, client_states or {})
            # The last weights are saved by OpenRLHF's program.
            if saves_weights and not is_last:
                self._save_weights(global_step)
        self.started, self.cpu_started = time.perf_counter(), time.process_time()
        if is_stopped:
            raise _Stopped

    def _save(self, args: Any, global_step: int, client_states: dict[str, int]) -> None:
        ckpt = args.ckpt
        # OpenRLHF makes room first: with one it would delete what it could go on from.
        most = max(2, self.job.keep)
        self.strategy.save_ckpt(
            self.model.model, ckpt.path, f"global_step{global_step}", most, ckpt.max_mem, client_states
        )

    def _save_weights(self, global_step: int) -> None:
        self.strategy.save_model(self.model, self.tokenizer, str(self.job.files.weights))
        if self.strategy.is_rank_0():
            seal_weights(self.job, global_step)

    def _metrics(self, args: Any, global_step: int, logs: dict[str, float]) -> tuple[dict[str, Any], bool]:
        """Return the step's line of metrics over all ranks, and whether any of them was asked to stop."""
        own = [*self.loss_fn.take(), time.process_time() - self.cpu_started, float(self.is_stop_requested())]
        *sums, cpu_s, stops = self.strategy.all_reduce(torch.tensor(own, dtype=torch.float64), op="sum").tolist()
        pairs, loss, correct, chosen, rejected = sums
        norm = logs["grad_norm"]
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise TrainingError(
                f"step {global_step - 1}: the loss is {loss / pairs} and the gradient's norm {norm}; begin a new run "
                "from the newest checkpoint, with a lower train.learning_rate or train.max_grad_norm"
            )
        metrics = {
            "kind": "train",
            "step": global_step - 1,
            "loss": loss / pairs,
            "accuracy": correct / pairs,
            "margin": (chosen - rejected) / pairs,
            "chosen_reward": chosen / pairs,
            "rejected_reward": rejected / pairs,
            "grad_norm": norm,
            "learning_rate": self.loss_fn.rate,
            "pairs": args.train.batch_size,
            "train_s": time.perf_counter() - self.started,
            "cpu_s": cpu_s,
        }
        return metrics, stops > 0


class _Counted:
    """OpenRLHF's loss, with sums over the micro-batches of a step: its own log has those of the last one."""

    def __init__(self, loss_fn: Callable[..., tuple[Tensor, Tensor, Tensor]], scheduler: Any) -> None:
        self._loss_fn = loss_fn
        self._scheduler = scheduler
        self._sums = dict.fromkeys(COUNTED, 0.0)
        self.rate = 0.0

    def __call__(self, *logps_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        loss, chosen_N, rejected_N = self._loss_fn(*logps_N)
        # OpenRLHF's evaluation asks for the loss as well.
        if torch.is_grad_enabled():
            self._count(loss.detach(), chosen_N, rejected_N)
            # Read here, as after the step the scheduler has the next one's.
            self.rate = self._scheduler.get_last_lr()[0]
        return loss, chosen_N, rejected_N

    def take(self) -> list[float]:
        """Return the sums since the last call, in the order of `COUNTED`."""
        sums, self._sums = self._sums, dict.fromkeys(COUNTED, 0.0)
        return [sums[name] for name in COUNTED]

    def _count(self, loss: Tensor, chosen_N: Tensor, rejected_N: Tensor) -> None:
        pairs = len(chosen_N)
        self._sums["pairs"] += pairs
        self._sums["loss"] += float(loss) * pairs
        self._sums["correct"] += int((chosen_N > rejected_N).sum())
        self._sums["chosen_reward"] += float(chosen_N.sum())
        self._sums["rejected_reward"] += float(rejected_N.sum())
