"""What has to hold before stored rollouts are trained on: whole segments, the model's token ids, a fitting budget."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from twogrpo.config import DpoConfig
from twogrpo.errors import ConfigError, DataError, StoreError
from twogrpo.train.session import provenance

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from twogrpo.config import RunConfig
    from twogrpo.store import CheckReport, RolloutStore
    from twogrpo.train.pair_data import PairData

__all__ = ["check_pairs", "check_run_dir", "check_stored_ids", "check_token_ids", "checked_store"]


def check_run_dir(config: "RunConfig", store: "RolloutStore") -> None:
    """Refuse to write where the rollouts are; with --force the run that they are from would be lost.

    Raises:
        ConfigError: The run folder is that of the rollouts.
    """
    if config.run_dir is None:
        return
    if Path(store.path).resolve().is_relative_to(Path(config.run_dir).expanduser().resolve()):
        raise ConfigError(f"run_dir={config.run_dir} holds the rollouts to train on; name another folder")


def checked_store(store: "RolloutStore") -> "CheckReport":
    """Return what a check of every byte of the store has seen.

    Raises:
        StoreError: A segment is damaged; a flipped bit may decode to other token ids without any error.
    """
    report = store.check(deep=True)
    damaged = [problem for problem in report.problems if problem.is_damage]
    if damaged:
        more = f", and {len(damaged) - 1} more problems" if len(damaged) > 1 else ""
        raise StoreError(f"segment {damaged[0]}{more}; `twogrpo store check --deep` lists what is damaged")
    return report


def check_pairs(
    data: "PairData",
    made_with: "CheckReport",
    config: "DpoConfig",
    *,
    tokenizer: "PreTrainedTokenizerBase",
    model: "PreTrainedModel",
) -> None:
    """Refuse pairs that the model cannot be trained on.

    Args:
        data: The pairs.
        made_with: The check of the store that they are from.
        config: The run.
        tokenizer: The model's.
        model: The model, or its outline.

    Raises:
        ConfigError: No micro-batch holds the longest pair.
        DataError: The rollouts were made with another tokenizer, with token ids that the model does not know or no
            model has, or without a prompt.
    """
    longest = int(data.lengths_N2().sum(axis=1).max())
    if longest > config.train.token_budget:
        raise ConfigError(
            f"train.token_budget={config.train.token_budget} cannot hold the longest pair, {longest} tokens in its two "
            "rollouts; raise it to that"
        )
    check_token_ids(data, made_with, config, tokenizer=tokenizer, model=model)


def check_token_ids(
    data: "PairData",
    made_with: "CheckReport",
    config: "DpoConfig",
    *,
    tokenizer: "PreTrainedTokenizerBase",
    model: "PreTrainedModel",
) -> None:
    """Refuse token ids that are not those of the model; the arguments are those of `check_pairs`.

    Raises:
        DataError: The rollouts were made with another tokenizer, with token ids that the model does not know or no
            model has, or without a prompt.
    """
    _check_prompts(data)
    _check_negative(data)
    # An empty response has no largest id.
    largest = max(int(ids.list.max().fill_null(0).to_numpy().max()) for ids in (data.prompt_ids, data.response_ids))
    check_stored_ids(largest, made_with, config, tokenizer=tokenizer, model=model)


def check_stored_ids(
    largest: int,
    made_with: "CheckReport",
    config: "RunConfig",
    *,
    tokenizer: "PreTrainedTokenizerBase",
    model: "PreTrainedModel",
) -> None:
    """Refuse stored token ids that are not the model's, of which the largest is known.

    Args:
        largest: The largest one.
        made_with: The check of the store that they are from.
        config: The run.
        tokenizer: The model's.
        model: The model, or its outline.

    Raises:
        DataError: They were made with another tokenizer, or the model does not know one of them.
    """
    own = provenance(config, tokenizer)["tokenizer_hash"]
    other = next((found for found in made_with.tokenizers if found != own), None)
    if other is not None:
        raise DataError(
            f"model.path={config.model.path} has another tokenizer ({own[:12]}) than the stored rollouts "
            f"({other[:12]}); {_command(config)} trains on stored token ids: name the model that their run started from"
        )
    embeddings: Any = model.get_input_embeddings()
    embedded = int(embeddings.weight.shape[0])
    if largest >= embedded:
        raise DataError(
            f"the stored rollouts have token ids up to {largest}, but model.path={config.model.path} embeds 0 to "
            f"{embedded - 1}; name the model that their run started from"
        )


def _check_prompts(data: "PairData") -> None:
    is_empty = data.prompt_ids.list.len() == 0
    if is_empty.any():
        rollout_id = data.rollout_ids_B[is_empty.to_numpy()[data.prompts_B]][0]
        raise DataError(
            f"rollout {rollout_id} has no token in its prompt_ids, and a response needs one before it; store the ids "
            "that the policy was asked with, or leave prompt_ids null to have the text tokenised"
        )


def _check_negative(data: "PairData") -> None:
    prompts, responses_B = (ids.list.min().fill_null(0).to_numpy() for ids in (data.prompt_ids, data.response_ids))
    for name, smallest_B in (("prompt_ids", prompts[data.prompts_B]), ("response_ids", responses_B)):
        row = int(smallest_B.argmin())
        if smallest_B[row] < 0:
            found = f"rollout {data.rollout_ids_B[row]} has {smallest_B[row]} among its {name}"
            raise DataError(
                f"{found}, and token ids count from 0; store the ids without what they were padded with, or leave "
                f"{name} null to have the text tokenised"
            )


def _command(config: "RunConfig") -> str:
    return "dpo" if isinstance(config, DpoConfig) else "replay"
