"""The transformers generator: `model.generate` for every causal language model.

Only our sampling parameters apply: the model folder's own generation config is put aside while it generates. Logprobs
are taken step by step from the processed scores, because keeping the scores of all steps, as `output_scores` does,
takes gigabytes at a real vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from twogrpo.generate.protocol import FinishedRows, Generation, SamplingParams, check_request, cut_rows

if TYPE_CHECKING:
    from transformers import GenerationConfig, LogitsProcessorList, PreTrainedModel

__all__ = ["TransformersGenerator"]


class TransformersGenerator:
    """Samples with the model itself, so that its weights are always the current ones.

    Args:
        model: Any causal language model of transformers.
        stops: Token ids that end a response.
        dtype: Dtype of the forward pass, by autocast where it is not the model's own.
        max_rows: Most rows that are generated at once. Tokens depend on it: a batch draws its random numbers together.
    """

    name = "transformers"

    def __init__(
        self,
        model: "PreTrainedModel",
        stops: frozenset[int],
        *,
        dtype: torch.dtype | None = None,
        max_rows: int = 512,
    ) -> None:
        self._model = model
        self._stops = sorted(stops)
        self._dtype = dtype or model.dtype
        self._max_rows = max_rows

    def sync(self) -> None:
        """Do nothing: the model that generates is the model that is trained."""

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        group_size: int,
        params: SamplingParams,
        seed: int,
        on_finished: FinishedRows | None = None,
    ) -> Generation:
        """Return `group_size` responses a prompt, prompt-major; equal arguments and weights give equal tokens.

        Args:
            prompts: Token ids, each prompt with at least one.
            group_size: Responses a prompt.
            params: How to sample.
            seed: Any integer that `torch.manual_seed` takes; the global random state is left as it was.
            on_finished: Is given the rows chunk by chunk.

        Raises:
            ConfigError: `group_size` is not positive.
            DataError: A prompt is empty, too long for the model, or has unknown token ids.
        """
        embeddings = cast("torch.nn.Embedding", self._model.get_input_embeddings())
        limit = getattr(self._model.config, "max_position_embeddings", None)
        check_request(
            prompts, group_size=group_size, params=params, vocabulary=embeddings.num_embeddings, max_positions=limit
        )
        rows = [prompt for prompt in prompts for _ in range(group_size)]
        generation = Generation([], [], [])
        with self._ready(params, seed):
            for first in range(0, len(rows), self._max_rows):
                part = self._generate_chunk(rows[first : first + self._max_rows], params)
                generation.response_ids.extend(part.response_ids)
                generation.logprobs.extend(part.logprobs)
                generation.finish_reasons.extend(part.finish_reasons)
                if on_finished is not None:
                    on_finished(list(range(first, first + len(part.response_ids))), part.response_ids)
        return generation

    def _generate_chunk(self, prompts: Sequence[Sequence[int]], params: SamplingParams) -> Generation:
        longest = max(map(len, prompts))
        tokens_BT = torch.zeros(len(prompts), longest, dtype=torch.int64)
        mask_BT = torch.zeros_like(tokens_BT)
        for row, prompt in enumerate(prompts):
            tokens_BT[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask_BT[row, longest - len(prompt) :] = 1
        recorder = _LogprobRecorder()
        sequences_BT = cast("Any", self._model).generate(
            tokens_BT.to(self._model.device),
            attention_mask=mask_BT.to(self._model.device),
            logits_processor=_processors(params, recorder),
        )
        responses_BT = sequences_BT[:, longest:]
        is_stop_BT = torch.isin(responses_BT, torch.tensor(self._stops, dtype=torch.int64, device=responses_BT.device))
        return cut_rows(responses_BT, recorder.logprobs(sequences_BT), is_stop_BT)

    @contextmanager
    def _ready(self, params: SamplingParams, seed: int) -> Iterator[None]:
        """Put our generation config, evaluation mode, dtype and seed in force; undo all of it afterwards."""
        model = self._model
        config, was_training = model.generation_config, model.training
        # Seeding reaches every device, so every one is restored.
        devices = range(torch.cuda.device_count()) if cast("Any", torch.cuda).is_initialized() else ()
        is_cast = self._dtype != model.dtype
        dtype = torch.autocast(model.device.type, dtype=self._dtype) if is_cast else nullcontext()
        with torch.random.fork_rng(devices=devices), torch.no_grad(), dtype:
            torch.manual_seed(seed)
            model.generation_config = _generation_config(params, self._stops)
            # In training mode, gradient checkpointing would switch the cache off.
            model.train(mode=False)
            try:
                yield
            finally:
                model.train(was_training)
                model.generation_config = config


class _LogprobRecorder:
    """Keeps each drawn token's logprob; called as the last logits processor, one step after the token is drawn."""

    def __init__(self) -> None:
        self._logps_BV: Tensor | None = None
        self._taken: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self._take(input_ids)
        self._logps_BV = scores.float().log_softmax(dim=-1)
        return scores

    def logprobs(self, sequences_BT: Tensor) -> Tensor:
        """Return the logprobs of all drawn tokens, shape (rows, steps), given the finished sequences."""
        self._take(sequences_BT)
        return torch.stack(self._taken, dim=1)

    def _take(self, sequences_BT: Tensor) -> None:
        if self._logps_BV is not None:
            self._taken.append(self._logps_BV.gather(1, sequences_BT[:, -1:])[:, 0])


def _processors(params: SamplingParams, recorder: _LogprobRecorder) -> "LogitsProcessorList":
    """Return temperature, top-k, top-p and min-p in this order, then the recorder.

    They are passed as processors, with those of the generation config switched off, because ours must come last.
    """
    from transformers import (
        LogitsProcessorList,
        MinPLogitsWarper,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    processors: list[Any] = []
    if not params.is_greedy:
        if params.temperature != 1:
            processors.append(TemperatureLogitsWarper(float(params.temperature)))
        if params.top_k > 0:
            processors.append(TopKLogitsWarper(params.top_k))
        if params.top_p < 1:
            processors.append(TopPLogitsWarper(params.top_p))
        if params.min_p > 0:
            processors.append(MinPLogitsWarper(params.min_p))
    return LogitsProcessorList([*processors, recorder])


def _generation_config(params: SamplingParams, stops: list[int]) -> "GenerationConfig":
    from transformers import GenerationConfig

    sampling: dict[str, Any] = {} if params.is_greedy else {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    config: GenerationConfig = cast("Any", GenerationConfig)(
        do_sample=not params.is_greedy,
        max_new_tokens=params.max_new_tokens,
        eos_token_id=stops or None,
        pad_token_id=stops[0] if stops else 0,
        use_cache=True,
        **sampling,
    )
    return config
