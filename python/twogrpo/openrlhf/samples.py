"""OpenRLHF's sample generator with the store behind it: every rollout is on the disk before a policy learns from it.

Written where rollouts are gathered, which is one process in every mode: the trainer's, or the generator's own where
generation and training overlap. What dynamic filtering has left out is stored too, with no advantage.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator
from openrlhf.trainer.ray.vllm_engine import batch_vllm_engine_call

from twogrpo.errors import TrainingError
from twogrpo.generate import SamplingParams
from twogrpo.monitor import MetricsLog
from twogrpo.openrlhf.captured import Captured, batch_of, captured_table
from twogrpo.openrlhf.prompts import draw_of_label, is_evaluation
from twogrpo.openrlhf.replayed import open_pinned, replayed_batch
from twogrpo.openrlhf.settings import WRITER, Settings
from twogrpo.store import RolloutStore
from twogrpo.train.collect import RolloutBatch, sampling_params
from twogrpo.train.guard import FailureGuard
from twogrpo.train.statistics import batch_statistics

__all__ = ["StoringSamples"]

GENERATOR = "vllm"


class StoringSamples(SamplesGenerator):
    """Generates, stores and judges batches of rollouts.

    Attributes:
        policy_version: Returns the optimizer steps behind the weights that the engines have; set by the trainer.
        scores: mean@k and pass@k of the last evaluation.
        evaluated_step: Batches behind the weights of the next evaluation, where the trainer is behind the generator.
    """

    policy_version: Callable[[], int]
    scores: dict[str, float]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings.of_environment()
        config = self._settings.config
        self._step = self._settings.first_step
        self.evaluated_step: int | None = None
        self._members: Counter[tuple[bool, int]] = Counter()
        self._made: list[Captured] = []
        self._left_out: list[Captured] = []
        self._guard = FailureGuard(config.reward.max_failed_share)
        earlier = MetricsLog(self._settings.metrics).read("train")
        self._guard.refill((row["failed_rewards"], row["rollouts"]) for row in earlier)
        self._store = RolloutStore.open(
            self._settings.rollouts,
            run_id=self._settings.run_id,
            writer=WRITER,
            metadata=self._settings.provenance,
            logprob_dtype=config.store.logprob_dtype,
        )
        self._replay = open_pinned(self._settings)
        # Until the trainer says otherwise, the weights are those of the first batch.
        self.policy_version = lambda: self._settings.first_step * config.updates_per_step

    def generate_samples(self, **kwargs: Any) -> tuple[list[Experience], float | None, int, bool]:
        """Return a batch, with every rollout that was made for it on the disk.

        Raises:
            DataError, TrainingError: Too many rewards failed.
            StoreError: A rollout cannot be stored.
        """
        if self._step < min(len(self._replay), self._settings.steps):
            return self._replayed(**kwargs), None, 0, False
        started = time.perf_counter()
        rollout = self._settings.config.rollout
        # OpenRLHF forbids an empty answer unless told, and has no flag for top_k.
        sampled = {**kwargs, "min_new_tokens": 0, "top_k": rollout.top_k or -1}
        samples, share, consumed, is_exhausted = super().generate_samples(**sampled)
        # A step of the store is a batch: what was left out on the way to it is stored with it.
        if samples or (is_exhausted and self._left_out):
            left_out, self._left_out = self._left_out, []
            self._keep(samples, left_out, time.perf_counter() - started)
        return samples, share, consumed, is_exhausted

    def generate_eval_samples(self, **kwargs: Any) -> list[Experience]:
        """Return the samples of an evaluation, stored in phase `eval`."""
        started = time.perf_counter()
        samples: list[Experience] = super().generate_eval_samples(**{**kwargs, "min_new_tokens": 0})
        section = self._settings.config.eval
        params = SamplingParams(
            max_new_tokens=kwargs["max_new_tokens"], temperature=kwargs["temperature"], top_p=section.top_p
        )
        rollouts = [sample.labels[0] for sample in samples]
        batch, ordered = batch_of(rollouts, self._settings.config, time.perf_counter() - started)
        self._write(batch, ordered, params, phase="eval")
        rewards_PG, count = batch.rewards_PG, batch.group_size
        self.scores = {
            f"mean_at_{count}": float(rewards_PG.mean()),
            f"pass_at_{count}": float(rewards_PG.amax(dim=1).mean()),
        }
        return samples

    def close(self) -> None:
        """Let another process write the run."""
        self._store.close()

    def _replayed(self, **kwargs: Any) -> list[Experience]:
        """Return the stored batch of this step, recorded in this run's store."""
        if self.args.vllm.enable_sleep:
            # The last sync has woken the weights, and nothing is generated that would put them to sleep: `sleep` alone
            # does nothing while the cache still sleeps.
            batch_vllm_engine_call(self.vllm_engines, "wake_up")
            batch_vllm_engine_call(self.vllm_engines, "sleep")
        batch = replayed_batch(self._replay, self._step, self._settings)
        table = batch.table if self._settings.config.store.keep_text else batch.table.drop("response")
        self._store.append(table, step=self._step, phase="replay")
        self._store.flush()
        self._step += 1
        samples = [super(StoringSamples, self)._process_response_into_experience(r, **kwargs) for r in batch.responses]
        for sample, rollout in zip(samples, batch.rollouts, strict=True):
            sample.labels = [rollout]
        return samples

    def _generate_vllm(self, *args: Any, **kwargs: Any) -> tuple[list[Experience], int, bool]:
        first = self.policy_version()
        self._made = []
        experiences, consumed, is_exhausted = super()._generate_vllm(*args, **kwargs)
        last = self.policy_version()
        for rollout in self._made:
            rollout.policy_version, rollout.policy_version_max = first, last
        accepted = {id(experience.labels[0]) for experience in experiences}
        self._left_out += [rollout for rollout in self._made if id(rollout) not in accepted]
        # In the order of the draws, not in the order in which the engines were done.
        return sorted(experiences, key=lambda each: each.labels[0].key), consumed, is_exhausted

    def _process_response_into_experience(self, response: dict[str, Any], **kwargs: Any) -> Experience:
        experience = super()._process_response_into_experience(response, **kwargs)
        draw = draw_of_label(response["label"])
        group = (is_evaluation(response["label"]), draw.group_id)
        size = kwargs.get("n_samples_per_prompt", self.args.rollout.n_samples_per_prompt)
        rollout = Captured(draw, response["rollout"], self._members[group])
        self._members[group] += 1
        if self._members[group] == size:
            del self._members[group]
        self._made.append(rollout)
        experience.labels = [rollout]
        return experience

    def _keep(self, samples: list[Experience], left_out: list[Captured], seconds: float) -> None:
        """Store a batch, give its rollouts their advantages, and stop where too many rewards failed."""
        settings, params = self._settings, sampling_params(self._settings.config)
        trained = [sample.labels[0] for sample in samples]
        batch, ordered = batch_of([*trained, *left_out], settings.config, seconds)
        untrained = {rollout.key for rollout in left_out}
        for rollout, advantage in zip(ordered, batch.advantages_B.tolist(), strict=True):
            rollout.advantage = None if rollout.key in untrained else advantage
        if not all(math.isfinite(sum(row)) for row in batch.generation.logprobs):
            raise TrainingError(
                f"model.path={settings.config.model.path} gives its own responses probabilities that are not finite: "
                "its weights are broken; name a sound model or an earlier checkpoint"
            )
        self._write(batch, ordered, params, phase="train")
        if samples:
            # The trainer reports on all of them, also on those that dynamic filtering has left out.
            trained[0].statistics = batch_statistics(batch)
            self._step += 1
        self._guard.check(batch.scores.rewards, batch.scores.status, batch.scores.error)

    def _write(self, batch: RolloutBatch, ordered: list[Captured], params: SamplingParams, *, phase: Any) -> None:
        settings = self._settings
        facts = {"model_id": settings.model_id, "generator": GENERATOR, "dtype": settings.config.model.dtype}
        table = captured_table(batch, ordered, params, facts, keep_text=settings.config.store.keep_text)
        ahead = self.evaluated_step if phase == "eval" else None
        self._store.append(table, step=self._step if ahead is None else ahead, phase=phase)
        self._store.flush()
