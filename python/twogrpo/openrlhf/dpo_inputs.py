"""What a dpo run on OpenRLHF is made of, checked before anything is written or started."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.adapters import holds_adapter
from twogrpo.config.embedded import TINY
from twogrpo.errors import ConfigError, DataError
from twogrpo.models import load_outline, load_tokenizer
from twogrpo.openrlhf.dpo_schedule import PairSchedule, lay_out
from twogrpo.pairs import PairSpec, build_pairs
from twogrpo.store import RolloutStore
from twogrpo.train.pair_checks import check_run_dir, check_token_ids, checked_store
from twogrpo.train.pair_data import PairData, load_pair_data
from twogrpo.train.pair_text import PairText
from twogrpo.train.reference import START

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from twogrpo.config import DpoConfig

__all__ = ["DpoInputs", "read_inputs"]


@dataclass(frozen=True)
class DpoInputs:
    """The pairs in their order, and the models.

    Attributes:
        store: Where the rollouts are.
        schedule: Which pairs each step is made on.
        tokenizer: The model's.
        model: Folder or hub id that training starts from; a folder's path is absolute.
        reference: The same of the reference policy.
    """

    store: Path
    schedule: PairSchedule
    tokenizer: "PreTrainedTokenizerBase"
    model: str
    reference: str


def read_inputs(config: "DpoConfig", rollouts: RolloutStore | str | Path) -> DpoInputs:
    """Return what a run is made of; nothing is written and no weights are loaded.

    Args:
        config: The run.
        rollouts: The store, or its folder or run folder.

    Raises:
        ConfigError: The model is none that OpenRLHF can start from, or the run would replace that of the rollouts.
        DataError: The store makes no pair, or its token ids are not those of the model.
        StoreError: The store cannot be read, or is damaged.
    """
    model = _whole_model("model.path", config.model.path)
    reference = model if config.dpo.reference == START else _whole_model("dpo.reference", config.dpo.reference)
    store = rollouts if isinstance(rollouts, RolloutStore) else RolloutStore.open(rollouts)
    check_run_dir(config, store)
    report = checked_store(store)
    data = load_pair_data(store, build_pairs(store, PairSpec(**config.pairs.model_dump())), PairText.of(config))
    tokenizer = load_tokenizer(model)
    check_token_ids(data, report, config, tokenizer=tokenizer, model=load_outline(model))
    if reference != model:
        load_outline(reference, label=f"dpo.reference={config.dpo.reference}")
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is None:
        raise DataError(
            f"model.path={config.model.path} has a tokenizer without a padding and an end token; OpenRLHF pads by one "
            "of them"
        )
    _check_prompts(data)
    return DpoInputs(store.path, lay_out(data, config), tokenizer, model, reference)


def _whole_model(key: str, path: str) -> str:
    """Return a model's absolute folder or its hub id; the ranks may stand in another folder."""
    if path == TINY:
        raise ConfigError(
            f"{key}=tiny is made inside an online run; name its folder, such as runs/online/tiny/model, or name that "
            "run on the command line"
        )
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return path
    if holds_adapter(folder):
        raise ConfigError(
            f"{key}={path} is an adapter, and OpenRLHF starts from whole weights; name a model folder that has them"
        )
    return str(folder.resolve())


def _check_prompts(data: PairData) -> None:
    prompts_N2 = data.prompts_B[data.rows_N2]
    unlike = data.rollout_ids_N2[prompts_N2[:, 0] != prompts_N2[:, 1]]
    if len(unlike):
        chosen, rejected = unlike[0]
        raise DataError(
            f"rollouts {chosen} and {rejected} are a pair and have different token ids as their prompt, where "
            "OpenRLHF takes one prompt for both; use engine=local, or pairs.cross_step=false"
        )
