"""The model of a run as far as it can be known without its weights: tokenizer, outline, device, sampler."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from twogrpo.adapters import add_adapter
from twogrpo.config import RunConfig
from twogrpo.config.embedded import TINY
from twogrpo.models import compute_dtype, load_outline, load_tokenizer
from twogrpo.preflight.report import Checks, Fact, Section

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["ModelFound", "check_sampler", "find_model", "model_section", "trained_parameters", "vocabulary_of"]

TITLE = "model"


@dataclass(frozen=True)
class ModelFound:
    """The parts of a model that could be loaded.

    Attributes:
        tokenizer: None if there is none.
        outline: The model on the meta device; None if there is none.
    """

    tokenizer: "PreTrainedTokenizerBase | None"
    outline: "PreTrainedModel | None"

    @property
    def positions(self) -> int | None:
        """Longest sequence of the model; None if it sets no limit."""
        return None if self.outline is None else getattr(self.outline.config, "max_position_embeddings", None)


def find_model(path: str, seed: int, checks: Checks) -> ModelFound:
    """Return what there is of a model; what is missing becomes a problem.

    Args:
        path: A folder, a hub id, or `tiny`.
        seed: Of the run.
        checks: Takes the problems.
    """
    if path == TINY:
        return _tiny(seed)
    tokenizer = checks.attempt(TITLE, lambda: load_tokenizer(path))
    return ModelFound(tokenizer, checks.attempt(TITLE, lambda: load_outline(path)))


def check_sampler(found: ModelFound, backend: str) -> str | None:
    """Return the sampler that serves a model, or None where the model is not known.

    Raises:
        ConfigError: The backend does not serve it.
    """
    from twogrpo.generate import make_generator

    if found.outline is None or found.tokenizer is None:
        return None
    return make_generator(found.outline, found.tokenizer, backend=backend).name


def trained_parameters(config: RunConfig, found: ModelFound) -> int | None:
    """Return how many weights an adapter has; None where all of the model's own are trained.

    Raises:
        ConfigError: The adapter fits no layer of the model.
    """
    lora = config.model.lora
    if found.outline is None or not lora.rank:
        return None
    # Adding one changes the model in place.
    outline = copy.deepcopy(found.outline)
    adapted = add_adapter(outline, rank=lora.rank, alpha=lora.alpha, targets=lora.targets, seed=config.seed)
    return sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)


def model_section(
    config: RunConfig, found: ModelFound, device: "torch.device | None", sampler: str | None, trained: int | None = None
) -> Section:
    """Return what the model is and what it runs on.

    Args:
        config: The run.
        found: Its model.
        device: Where it runs; None if that device is not there.
        sampler: What samples from it.
        trained: Weights of the adapter, if there is one.
    """
    path = config.model.path
    facts = [Fact("path", path, f"{path} (made in the run folder, about 40 s of one CPU)" if path == TINY else None)]
    if found.outline is not None:
        parameters = sum(weight.numel() for weight in found.outline.parameters())
        facts.append(Fact("architecture", type(found.outline).__name__))
        facts.append(Fact("parameters", parameters, f"{parameters:,}"))
        if trained is not None:
            facts.append(
                Fact("trained_parameters", trained, f"{trained:,} of an adapter of rank {config.model.lora.rank}")
            )
        facts.append(Fact("positions", found.positions, f"{found.positions:,}" if found.positions else "no limit"))
    if found.tokenizer is not None:
        facts.append(Fact("tokenizer", len(found.tokenizer), f"{len(found.tokenizer):,} tokens"))
    if device is not None:
        facts.append(
            Fact("device", str(device), f"{device}, {str(compute_dtype(config.model)).removeprefix('torch.')}")
        )
    if sampler is not None:
        facts.append(Fact("sampler", sampler))
    return Section(TITLE, tuple(facts))


def vocabulary_of(model: "PreTrainedModel") -> int:
    """Return how many token ids a model embeds."""
    return int(cast("torch.nn.Embedding", model.get_input_embeddings()).num_embeddings)


def _tiny(seed: int) -> ModelFound:
    import torch

    from twogrpo.tiny.model import build_model
    from twogrpo.tiny.tokenizer import build_tokenizer

    tokenizer = build_tokenizer()
    with torch.device("meta"):
        return ModelFound(tokenizer, build_model(tokenizer, seed))
