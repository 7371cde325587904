"""The agent that OpenRLHF loads by its path into every rollout worker: it samples, verifies and captures.

It samples from the token ids of the draw, never from text that is tokenised again; it judges with the verifier, which
is bounded and cannot raise; and it hands on everything that the store keeps of a rollout.
"""

import asyncio
from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from openrlhf.utils.agent import AgentExecutorBase

from twogrpo.openrlhf.prompts import draw_of_label, is_evaluation
from twogrpo.openrlhf.settings import Settings
from twogrpo.prompts import Prompt
from twogrpo.rewards import Reward, Scores, load_reward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from vllm import SamplingParams

__all__ = ["AgentExecutor"]

SEED_STRIDE = 1_000_003
# Samples each rollout from a seed of its own; vLLM is slower then.
SEEDED = "--train.full_determinism_enable"


class AgentExecutor(AgentExecutorBase):
    """One response to one prompt, with its verdict."""

    def __init__(self) -> None:
        self._settings = Settings.of_environment()
        section = self._settings.config.reward
        self._reward = load_reward(section.function, section.profile, section.extract)
        self._drawn: Counter[tuple[bool, int]] = Counter()

    async def execute(
        self,
        prompt: str,
        label: str,
        sampling_params: "SamplingParams",
        *,
        max_length: int,
        hf_tokenizer: "PreTrainedTokenizerBase",
        llm_engine: Any,  # OpenRLHF's actor around a vLLM engine
        images: None = None,
    ) -> dict[str, Any]:
        """Return a rollout in OpenRLHF's form, with the store's columns of it under `rollout`."""
        del max_length, images
        draw = draw_of_label(label)
        params = deepcopy(sampling_params)
        if SEEDED in self._settings.config.openrlhf.extra:
            params.seed = self._seed(draw.group_id, is_eval=is_evaluation(label))
        request = await llm_engine.generate(list(draw.prompt.token_ids), params)
        made = request.outputs[0]
        response_ids = list(made.token_ids)
        text = str(hf_tokenizer.decode(response_ids, skip_special_tokens=True))
        if made.finish_reason in ("stop", "length"):
            # A user's function may take its time; the engine's event loop may not wait for it.
            scores = await asyncio.to_thread(_scores, self._reward, draw.prompt, text)
        else:
            scores = _failed(self._reward, f"vLLM ended the response by {made.finish_reason}")
        prompt_ids = list(draw.prompt.token_ids)
        logprobs = None
        if made.logprobs is not None:
            logprobs = [step[token].logprob for token, step in zip(response_ids, made.logprobs, strict=True)]
        reward = scores.rewards[0]
        number = 0.0 if reward is None else reward
        return {
            "prompt": prompt,
            "label": label,
            "images": None,
            "mm_train_inputs": None,
            "observation_tokens": prompt_ids + response_ids,
            "action_ranges": [(len(prompt_ids), len(prompt_ids) + len(response_ids))],
            "rollout_log_probs": None if logprobs is None else [0.0] * len(prompt_ids) + logprobs,
            "truncated": made.finish_reason == "length",
            # OpenRLHF has no failed reward; the sampler makes the group of one inert.
            "reward": number,
            "scores": number,
            "extra_logs": {},
            "rollout": {
                "response_ids": response_ids,
                "logprobs": logprobs,
                "response": text,
                "finish_reason": made.finish_reason or "abort",
                "reward": reward,
                "correct": scores.correct[0],
                "status": scores.status[0],
                "rule": scores.rule[0],
                "extracted": scores.extracted[0],
                "verifier": scores.verifier,
                "error": scores.error,
                "seed": params.seed,
            },
        }

    def _seed(self, group_id: int, *, is_eval: bool) -> int:
        """Return a seed of this rollout's own: the calls of one prompt begin in the order of its group."""
        config = self._settings.config
        size = config.eval.samples if is_eval else config.rollout.group_size
        index = self._drawn.pop((is_eval, group_id), 0)
        if index + 1 < size:
            self._drawn[is_eval, group_id] = index + 1
        return config.seed * SEED_STRIDE + group_id * size + index


def _scores(reward: Reward, prompt: Prompt, response: str) -> Scores:
    """Return the score of one response; one that fails is marked, never raised: a raise would end the whole job."""
    try:
        return reward([prompt], [response])
    except Exception as error:  # noqa: BLE001  # whatever a reward raises
        return _failed(reward, f"reward {reward.name} failed with {type(error).__name__}: {error}")


def _failed(reward: Reward, why: str) -> Scores:
    return Scores([None], [None], ["error"], [None], [None], reward.name, why)
