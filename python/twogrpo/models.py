"""Models and tokenizers from a folder or the hub, the device they run on, and the numbers they compute in."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from twogrpo.adapters import base_path, holds_adapter, load_adapter
from twogrpo.errors import ConfigError, DataError, EngineError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from twogrpo.config.sampling import ModelSection

__all__ = [
    "compute_dtype",
    "load_outline",
    "load_policy",
    "load_tokenizer",
    "recompute_activations",
    "select_device",
    "set_threads",
]


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

    label = f"model.path={path}"
    source = _folder_or_hub_id(path, label)
    try:
        tokenizer = cast("PreTrainedTokenizerBase", AutoTokenizer.from_pretrained(source))
    except Exception as error:  # what transformers' readers raise on a damaged file shares no base
        raise DataError(f"{label} has no tokenizer that transformers can load: {_reason(error, path)}") from error
    # Without any file of a tokenizer, transformers makes one that knows its special tokens and no others.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise DataError(
            f"{label} has no tokenizer: its vocabulary is empty; expected tokenizer.json beside the weights"
        )
    return tokenizer


def load_policy(
    path: str,
    *,
    device: torch.device,
    gradient_checkpointing: bool,
    label: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> "PreTrainedModel":
    """Return a causal language model on `device`, without dropout.

    Dropout is switched off because the trainer's logprobs must be those of the policy that sampled. The folder of an
    adapter gives its base model with the adapter merged into the weights.

    Args:
        path: A folder or hub id.
        device: Where the model goes.
        gradient_checkpointing: Recompute activations in the backward pass.
        label: What an error calls the model; `model.path=PATH` by default.
        dtype: Of the weights; an optimizer needs float32, as small steps vanish in narrower ones.

    Raises:
        DataError: The folder or hub id holds no such model, or not all of its weights.
    """
    label = label or f"model.path={path}"
    folder = Path(path).expanduser()
    model = _merged(folder, label, dtype) if holds_adapter(folder) else _loaded(path, label, dtype)
    _disable_dropout(model)
    model.to(device)  # type: ignore[arg-type]  # transformers types only its own overloads
    if gradient_checkpointing:
        recompute_activations(model)
    model.train()
    return model


def recompute_activations(model: "PreTrainedModel") -> None:
    """Keep only each layer's input between the forward and the backward pass, and compute the rest again."""
    settings = {"use_reentrant": False}
    # The older name warns where the newer one is there.
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=settings)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=settings)  # type: ignore[no-untyped-call]


def load_outline(path: str, *, label: str | None = None) -> "PreTrainedModel":
    """Return the model that `load_policy` would, on the meta device: every shape and setting, and no weights.

    Of a hub id only the configuration is downloaded.

    Args:
        path: A folder or hub id.
        label: As in `load_policy`.

    Raises:
        DataError: The folder or hub id describes no such model, or the folder's weights are missing or cut off.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    label = label or f"model.path={path}"
    folder = Path(path).expanduser()
    source = _folder_or_hub_id(base_path(folder) if holds_adapter(folder) else path, label)
    try:
        config = AutoConfig.from_pretrained(source)
        with torch.device("meta"):
            model = cast("PreTrainedModel", AutoModelForCausalLM.from_config(config, dtype=torch.float32))  # type: ignore[no-untyped-call]
    except Exception as error:  # as above
        raise DataError(f"{label} holds no causal language model: {_reason(error, path)}") from error
    with suppress(OSError):
        model.generation_config = GenerationConfig.from_pretrained(source)
    if Path(source).is_dir():
        _check_weights(label, Path(source))
    return model


def _merged(folder: Path, label: str, dtype: torch.dtype) -> "PreTrainedModel":
    """Return the base model of an adapter with the adapter added to its weights."""
    base = _loaded(base_path(folder), f"{label}, the base model of an adapter,", dtype)
    adapted = cast("Any", load_adapter(base, folder, is_trainable=False))
    merged = cast("PreTrainedModel", adapted.merge_and_unload())
    merged.requires_grad_(requires_grad=True)
    return merged


def _loaded(path: str, label: str, dtype: torch.dtype) -> "PreTrainedModel":
    """Return a model with every one of its weights from the files, which transformers does not insist on."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging as transformers_logging

    source = _folder_or_hub_id(path, label)
    if Path(source).is_dir():
        _check_weights(label, Path(source))
    verbosity = transformers_logging.get_verbosity()
    # Its table of the weights that do not fit is said in one line below.
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        # Typed as the model alone, which it is without output_loading_info.
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except Exception as error:  # as above
        raise DataError(f"{label} holds no causal language model: {_reason(error, path)}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    found, facts = loaded
    strange = sorted({*facts["missing_keys"], *(key for key, *_ in facts["mismatched_keys"])})
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise DataError(
            f"{label} lacks weights of {type(found).__name__}: {strange[0]}{more} are not there or of another shape; "
            "expected the weights that belong to its config.json"
        )
    return cast("PreTrainedModel", found)


def _check_weights(label: str, folder: Path) -> None:
    from safetensors import SafetensorError, safe_open

    files = [file for pattern in ("*.safetensors", "pytorch_model*.bin") for file in sorted(folder.glob(pattern))]
    if not files:
        raise DataError(f"{label} holds no weights; expected model.safetensors, or its shards, in the folder")
    for file in files:
        try:
            if file.suffix == ".safetensors":
                # Reads the header alone, which says how long the file has to be.
                with safe_open(file, framework="pt"):
                    pass
        except (SafetensorError, OSError) as error:
            raise DataError(f"{file} cannot be read: {error}; copy or download it again") from error


def _folder_or_hub_id(path: str, label: str) -> str:
    folder = Path(path).expanduser()
    # A hub id has at most one slash and no leading dot; anything else can only be meant as a folder.
    looks_local = path.startswith((".", "/", "~")) or path.count("/") > 1
    if not folder.is_dir():
        if looks_local:
            raise DataError(f"{label}: no such folder; expected a Hugging Face model folder or a hub id")
        return path
    if not any((folder / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise DataError(f"{label} has no config.json; expected a Hugging Face model folder or a hub id")
    return str(folder)


def _disable_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        # Attention layers of transformers keep the rate as a number and apply it themselves.
        if isinstance(getattr(module, "attention_dropout", None), float):
            cast("Any", module).attention_dropout = 0.0


def _reason(error: Exception, path: str) -> str:
    """Return the first sentence of an error, and that a name taken for a hub id is no folder either."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    named = first if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: {first}"
    return named if Path(path).expanduser().is_dir() else f"{named} There is no folder {path} either."
