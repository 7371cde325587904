"""Which generator serves a model, and which tokens end its responses."""

from typing import TYPE_CHECKING

import torch

from twogrpo.adapters import plain_model
from twogrpo.errors import ConfigError
from twogrpo.generate.builtin import BuiltinGenerator
from twogrpo.generate.support import unsupported_reason
from twogrpo.generate.transformers_backend import TransformersGenerator

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from twogrpo.generate.protocol import Generator

__all__ = ["make_generator", "stop_ids"]


def make_generator(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    *,
    backend: str = "auto",
    dtype: torch.dtype | None = None,
) -> "Generator":
    """Return a generator of the model's responses.

    Args:
        model: A causal language model, on the device where it shall generate.
        tokenizer: Its tokenizer; only the id of its end token is used.
        backend: `auto` takes the builtin sampler where it serves the architecture, else transformers.
        dtype: Numbers of the forward pass; the model's own by default. Logits are float32 in every case.

    Raises:
        ConfigError: The backend is unknown, or the builtin sampler does not serve this model.
    """
    stops = stop_ids(model, tokenizer)
    if backend not in {"auto", "builtin", "transformers"}:
        raise ConfigError(f"rollout.backend={backend} is unknown; use auto, builtin or transformers")
    reason = unsupported_reason(model)
    if backend == "builtin" and reason is not None:
        raise ConfigError(
            f"rollout.backend=builtin does not serve this model: {reason}; use rollout.backend=transformers"
        )
    if backend == "transformers" or reason is not None:
        return TransformersGenerator(model, stops, dtype=dtype)
    return BuiltinGenerator(plain_model(model), stops, dtype=dtype)


def stop_ids(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Return the token ids that end a response: those of the model's generation config and of the tokenizer.

    Chat models often end a turn with another token than the one that ends a text; both count.
    """
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(int(token) for token in [*ids, tokenizer.eos_token_id] if token is not None)
