"""Low-rank adapters (LoRA, arXiv:2106.09685) through peft: frozen weights with small matrices beside them that learn.

The sampler sees the sum of both, the trainer computes them apart. A checkpoint holds the adapter alone, in the files
that peft, transformers and vLLM read.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from twogrpo.errors import ConfigError, DataError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["add_adapter", "base_path", "current_weight", "holds_adapter", "is_adapted", "load_adapter", "plain_model"]

CONFIG = "adapter_config.json"
ALL_LINEAR = "all-linear"


def add_adapter(
    model: "PreTrainedModel", *, rank: int, alpha: float | None, targets: Sequence[str], seed: int
) -> "PreTrainedModel":
    """Return the model wrapped with a new adapter, whose weights alone take gradients; it starts as the model itself.

    Args:
        model: A causal language model.
        rank: Width of the adapter's matrices.
        alpha: The adapter is scaled by alpha / rank; twice the rank by default.
        targets: Names of the layers that get one; every linear layer but the head if empty.
        seed: Of the adapter's random half.

    Raises:
        ConfigError: No layer has one of those names.
    """
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=rank,
        lora_alpha=cast("int", 2 * rank if alpha is None else alpha),
        target_modules=list(targets) or ALL_LINEAR,
        lora_dropout=0.0,
    )
    try:
        # The random numbers of the program stay as they were.
        with _quiet(), torch.random.fork_rng():
            torch.manual_seed(seed)
            return cast("PreTrainedModel", get_peft_model(model, config))
    except ValueError as error:
        raise ConfigError(
            f"model.lora.targets={', '.join(targets)} fits no linear layer of {type(model).__name__}; use names such "
            "as q_proj and v_proj, or leave it out for all of them"
        ) from error


def load_adapter(model: "PreTrainedModel", folder: Path, *, is_trainable: bool) -> "PreTrainedModel":
    """Return the model wrapped with the adapter of a folder.

    Raises:
        DataError: The folder holds no adapter that fits the model.
    """
    from peft import PeftModel

    try:
        with _quiet():
            return cast("PreTrainedModel", PeftModel.from_pretrained(model, str(folder), is_trainable=is_trainable))
    except Exception as error:  # peft and safetensors raise what shares no base
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{folder} holds no adapter for {type(model).__name__}: {reason[:300]}") from error


def holds_adapter(folder: Path) -> bool:
    """Return whether a folder holds an adapter and not a whole model."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def base_path(folder: Path) -> str:
    """Return the folder or hub id of the model that an adapter belongs to.

    Raises:
        DataError: The adapter does not say.
    """
    try:
        path = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / CONFIG} does not name the adapter's base model; expected peft's file") from error
    if not isinstance(path, str) or not path:
        raise DataError(f"{folder / CONFIG} does not name the adapter's base model (base_model_name_or_path)")
    return path


def plain_model(model: "PreTrainedModel") -> "PreTrainedModel":
    """Return the model inside peft's wrapper, its layers still adapted; a model without one as it is."""
    inner = getattr(model, "get_base_model", None)
    return model if inner is None else cast("PreTrainedModel", inner())


def is_adapted(module: nn.Module) -> bool:
    """Return whether an adapter has taken the layer's place."""
    return hasattr(module, "base_layer")


def current_weight(module: nn.Module, name: str) -> Tensor:
    """Return a layer's parameter as it acts: with an adapter, the frozen one plus what has been learned."""
    layer = cast("Any", module)
    if not is_adapted(module):
        return cast("Tensor", getattr(layer, name))
    value = cast("Tensor", getattr(layer.base_layer, name))
    if name == "weight":
        for adapter in layer.active_adapters:
            value = value + layer.get_delta_weight(adapter).to(value.dtype)
    return value


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what peft warns of that no user can change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
