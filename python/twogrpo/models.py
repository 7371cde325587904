"""Models and tokenizers from a folder or the hub, the device they run on, and the numbers they compute in."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from twogrpo.errors import ConfigError, DataError, EngineError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from twogrpo.config.sampling import ModelSection

__all__ = ["compute_dtype", "load_policy", "load_tokenizer", "select_device", "set_threads"]


def select_device(name: str) -> torch.device:
    """Return the device that `model.device` names.

    Raises:
        ConfigError: The name is no device of torch.
        EngineError: The device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"model.device={name} is no device; use auto, cpu, cuda, cuda:1 or mps") from error
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    is_there = present.get(device.type, False)
    if is_there and device.type == "cuda":
        is_there = (device.index or 0) < torch.cuda.device_count()
    if not is_there:
        raise EngineError(f"model.device={name} is not available to this torch ({torch.__version__}); use auto or cpu")
    return device


def set_threads(threads: int | None) -> None:
    """Give torch so many CPU threads, or leave it its own choice."""
    if threads is not None:
        torch.set_num_threads(threads)


def compute_dtype(section: "ModelSection") -> torch.dtype:
    """Return the dtype of the forward passes; the weights themselves are float32."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[section.dtype]


def load_tokenizer(path: str) -> "PreTrainedTokenizerBase":
    """Return the tokenizer of a model folder or hub id.

    Raises:
        DataError: There is none.
    """
    from transformers import AutoTokenizer

    try:
        return cast("PreTrainedTokenizerBase", AutoTokenizer.from_pretrained(_folder_or_hub_id(path)))
    except (OSError, ValueError) as error:
        raise DataError(
            f"model.path={path} has no tokenizer that transformers can load: {_first_line(error)}"
        ) from error


def load_policy(path: str, *, device: torch.device, gradient_checkpointing: bool) -> "PreTrainedModel":
    """Return a causal language model in float32 on `device`, without dropout.

    Dropout is switched off because the trainer's logprobs must be those of the policy that sampled.

    Raises:
        DataError: The folder or hub id holds no such model.
    """
    from transformers import AutoModelForCausalLM

    try:
        found = AutoModelForCausalLM.from_pretrained(_folder_or_hub_id(path), dtype=torch.float32)
        model = cast("PreTrainedModel", found)
    except (OSError, ValueError) as error:
        raise DataError(f"model.path={path} holds no causal language model: {_first_line(error)}") from error
    _disable_dropout(model)
    model.to(device)  # type: ignore[arg-type]  # transformers types only its own overloads
    if gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[no-untyped-call]
    model.train()
    return model


def _folder_or_hub_id(path: str) -> str:
    # A hub id has at most one slash and no leading dot; anything else can only be meant as a folder.
    looks_local = path.startswith((".", "/", "~")) or path.count("/") > 1
    if not looks_local:
        return path
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(f"model.path={path}: no such folder; expected a Hugging Face model folder or a hub id")
    return str(folder)


def _disable_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        # Attention layers of transformers keep the rate as a number and apply it themselves.
        if isinstance(getattr(module, "attention_dropout", None), float):
            cast("Any", module).attention_dropout = 0.0


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
