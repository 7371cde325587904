"""What a word on the command line of `twogrpo eval` names: a run, a checkpoint, a model, or an evaluation made before.

A run brings its own problems, prompts, verifier and sampling, so that it is evaluated exactly as it evaluates itself.
Whatever two models are compared on is the first one's: problems, seed, sampling and verifier. Each is asked in the
prompts that it was trained on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twogrpo.config import DpoConfig, OnlineConfig, RunConfig
from twogrpo.config.difference import differences, shown_value
from twogrpo.config.embedded import TINY
from twogrpo.config.evaluation import EvalConfig
from twogrpo.config.load import merge, read_yaml, validate
from twogrpo.errors import ConfigError, DataError
from twogrpo.tiny import TinyFiles
from twogrpo.train.checkpoint import latest_checkpoint, load_state
from twogrpo.train.folder_state import CONFIG

__all__ = ["Candidate", "find_candidate", "find_opponent"]

# Computed from stored answers, so that they may change after the fact.
ANALYSIS = ("eval.k", "eval.resamples")
_SHARED = ("seed", "eval.", "reward.")
_RENDERING = ("system", "suffix", "template", "max_prompt_tokens")
_MACHINERY = ("model", "rollout", "train")


@dataclass(frozen=True)
class Candidate:
    """A model and how it is evaluated.

    Attributes:
        name: The word that named it.
        config: Its evaluation; `model.path` is the folder or hub id that is loaded.
        model_id: What the store calls it.
        policy_version: Optimizer steps made, if it is a checkpoint.
        stored: Folder of an evaluation whose answers are used again.
    """

    name: str
    config: EvalConfig
    model_id: str
    policy_version: int | None = None
    stored: Path | None = None


@dataclass(frozen=True)
class _Found:
    """What stands behind a word, and the nested keys that it brings."""

    path: str
    model_id: str
    keys: dict[str, Any]
    policy_version: int | None = None


def find_candidate(model: str, data: str | None, values: Mapping[str, Any]) -> Candidate:
    """Return the model that a word names, with its evaluation.

    Args:
        model: A run folder, one of its checkpoints, a Hugging Face folder, a hub id, or a folder that an evaluation
            has written.
        data: A .jsonl or .parquet file of problems; a run has its own `eval.data`.
        values: Nested keys that are laid over what the run brings.

    Raises:
        ConfigError: There are no problems, a key is wrong, or one would change a stored evaluation.
        DataError: There is no such folder, or a run without a checkpoint.
    """
    given = merge(values, {} if data is None else {"data": {"path": data}})
    if _holds_evaluation(Path(model)):
        return _stored(model, given)
    found = _find(model)
    keys = merge(found.keys, given)
    # The word before the keys names the model, whatever a file says.
    config = validate(EvalConfig, merge(keys, {"model": {"path": found.path}}))
    if config.data.path == TINY:
        raise ConfigError(f"data.path=tiny is made inside a run, and {model} is no run of it; name its test.jsonl")
    return Candidate(model, config, found.model_id, found.policy_version)


def find_opponent(model: str, values: Mapping[str, Any], first: Candidate) -> Candidate:
    """Return the model that another is compared with, to be asked the same problems in the same way.

    Args:
        model: As for `find_candidate`.
        values: Nested keys of the command line, already in the other's configuration; those about prompts and the
            machinery hold for both.
        first: The model it is compared with.

    Raises:
        ConfigError: It is an evaluation made before of other problems or with other settings; they are named.
        DataError: There is no such folder, or a run without a checkpoint.
    """
    shared = first.config.model_dump()
    if _holds_evaluation(Path(model)):
        analysis = {"eval": {"k": shared["eval"]["k"], "resamples": shared["eval"]["resamples"]}}
        stored = _stored(model, analysis)
        _check_shared(first, stored)
        return stored
    found = _find(model)
    own = {name: found.keys[name] for name in _MACHINERY if name in found.keys}
    own["data"] = {name: found.keys["data"][name] for name in _RENDERING} if "data" in found.keys else {}
    typed = {name: values[name] for name in _MACHINERY if name in values}
    typed["data"] = {name: value for name, value in values.get("data", {}).items() if name in _RENDERING}
    config = validate(EvalConfig, merge(merge(merge(shared, own), typed), {"model": {"path": found.path}}))
    return Candidate(model, config, found.model_id, found.policy_version)


def _find(model: str) -> _Found:
    path = Path(model).expanduser()
    if model == TINY:
        raise ConfigError(
            "the model tiny is made inside a run; run `twogrpo online` and evaluate its folder, or its tiny/model"
        )
    if not path.is_dir():
        # One slash may be a hub id, unless it is written as a path or there is such a folder up to its last part.
        is_local = model.startswith((".", "/", "~")) or (len(path.parts) > 1 and path.parent.is_dir())
        if path.exists() or is_local:
            raise DataError(f"{model}: no such folder; expected a run, a checkpoint, a model folder or a hub id")
        return _Found(model, model, {})
    if (path / CONFIG).exists():
        newest = latest_checkpoint(path / "checkpoints")
        if newest is None:
            raise DataError(
                f"{model} is a run without a checkpoint; add one by --resume, or evaluate the model that it starts from"
            )
        return _checkpoint(newest, path)
    if path.parent.name == "checkpoints" and (path.parent.parent / CONFIG).exists():
        return _checkpoint(path, path.parent.parent)
    return _Found(str(path), path.resolve().name, {})


def _checkpoint(path: Path, run: Path) -> _Found:
    config = _run_config(run)
    keys = EvalConfig.taken_from(config)
    if config.eval.data == TINY:
        keys["data"]["path"] = str(TinyFiles(run / TINY).test)
    return _Found(str(path), f"{run.resolve().name}/{path.name}", keys, load_state(path).updates)


def _run_config(run: Path) -> RunConfig:
    return (DpoConfig if "dpo" in read_yaml(run / CONFIG) else OnlineConfig).load(run / CONFIG)


def _holds_evaluation(path: Path) -> bool:
    return (path / CONFIG).exists() and "checkpoint" not in read_yaml(path / CONFIG)


def _stored(folder: str, given: Mapping[str, Any]) -> Candidate:
    path = Path(folder)
    if not (path / "scores.json").exists():
        raise DataError(f"{folder} is an evaluation that was not finished; go on with it by --out {folder} --resume")
    values = read_yaml(path / CONFIG)
    config = validate(EvalConfig, merge(values, given))
    changed = differences(values, config.model_dump(mode="json"), ignored=ANALYSIS)
    if changed:
        what = ", ".join(
            f"{each.key}={shown_value(each.after)} (it has {shown_value(each.before)})" for each in changed
        )
        raise ConfigError(f"{folder} is an evaluation made before, which cannot change {what}; name its model instead")
    return Candidate(folder, config, folder, stored=path)


def _check_shared(first: Candidate, stored: Candidate) -> None:
    found = differences(first.config.model_dump(mode="json"), stored.config.model_dump(mode="json"), ignored=ANALYSIS)
    unequal = [each for each in found if each.key.startswith(_SHARED)]
    if unequal:
        what = ", ".join(f"{each.key} ({shown_value(each.before)} and {shown_value(each.after)})" for each in unequal)
        raise ConfigError(
            f"{first.name} and the evaluation {stored.name} cannot be compared in pairs: they differ in {what}; "
            "give the same keys, or name the model instead of its evaluation"
        )
