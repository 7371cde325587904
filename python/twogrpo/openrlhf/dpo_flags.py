"""A DPO configuration as the words behind `openrlhf.cli.train_dpo`, and what becomes of every key."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twogrpo.config import DpoConfig
from twogrpo.openrlhf.batches import check_dpo_batches
from twogrpo.openrlhf.extra import checked_extra
from twogrpo.openrlhf.keys import Always, Key, Launch, check_keys, flag_words, owners
from twogrpo.openrlhf.shared_keys import (
    CHECKPOINT_FOLDERS,
    ENGINE_KEYS,
    LOG_KEYS,
    checkpoint_keys,
    model_keys,
    optimizer_keys,
)

__all__ = ["ALWAYS", "COMMAND", "KEYS", "DpoLaunch", "check_dpo", "dpo_flags", "dpo_notes"]

COMMAND = "train_dpo"


@dataclass(frozen=True, kw_only=True)
class DpoLaunch(Launch):
    """One launch of preference training.

    Attributes:
        reference: Folder or hub id of the reference model.
        data: File of the pairs.
        pairs: Pairs of one optimizer step.
    """

    config: DpoConfig
    reference: str
    data: Path
    pairs: int


def check_dpo(config: DpoConfig, pairs: int) -> list[str]:
    """Return the checked words of `openrlhf.extra`, of a configuration that OpenRLHF can carry.

    Args:
        config: The run's configuration.
        pairs: Pairs of one optimizer step.

    Raises:
        ConfigError: A key that OpenRLHF cannot carry, batches that the GPUs do not divide, or a flag of
            `openrlhf.extra` that is unknown or set already.
    """
    check_keys(KEYS, config)
    extra = checked_extra(config.openrlhf.extra, command=COMMAND, taken=owners(KEYS, ALWAYS), barred=BARRED)
    check_dpo_batches(config.openrlhf, pairs, extra)
    return extra


def dpo_flags(
    config: DpoConfig,
    *,
    model: str,
    reference: str,
    data: Path,
    run: Path,
    steps: int,
    max_len: int,
    is_resumed: bool,
    pairs_per_update: int | None = None,
) -> list[str]:
    """Return OpenRLHF's command line for a configuration.

    Args:
        config: The run's configuration.
        model: Folder or hub id of the model that training starts from.
        reference: Folder or hub id of the reference model.
        data: Parquet file of the pairs, as many as all steps take, in their order.
        run: The run folder, on a file system that every node sees.
        steps: Optimizer steps of the whole run, those before a resume too.
        max_len: Tokens of the longest prompt and response.
        is_resumed: Whether the run goes on from its checkpoint.
        pairs_per_update: Pairs of one optimizer step; half of `train.rollouts_per_update` by default.

    Raises:
        ConfigError: As `check_dpo` says.
    """
    pairs = pairs_per_update or (config.train.rollouts_per_update or 0) // 2
    extra = check_dpo(config, pairs)
    launch = DpoLaunch(
        config=config,
        model=model,
        reference=reference,
        data=data,
        run=run,
        steps=steps,
        updates=steps,
        max_len=max_len,
        is_resumed=is_resumed,
        pairs=pairs,
    )
    return [*flag_words(KEYS, ALWAYS, launch), *extra]


def dpo_notes(config: DpoConfig) -> list[str]:
    """Return what the user of a configuration has to be told before it is run."""
    if config.eval.data is None:
        return []
    does_not = "OpenRLHF's preference training does not evaluate; `twogrpo eval` does, once the run has ended"
    return [f"eval.data={config.eval.data}: {does_not}"]


def _adapts(run: DpoLaunch) -> bool:
    return run.config.model.lora.rank > 0


def _alpha(config: DpoConfig) -> float:
    lora = config.model.lora
    return 2.0 * lora.rank if lora.alpha is None else lora.alpha


PAIRS = "twogrpo builds the pairs and hands over their stored token ids"
EVALUATION = "not used: OpenRLHF's preference training does not evaluate; `twogrpo eval` does afterwards"
NO_ROLLOUTS = "not used: nothing is generated"
LAUNCHER = "so many processes are started, one a GPU"

KEYS: Mapping[str, Key[DpoLaunch, DpoConfig]] = {
    "run_dir": Key(by="twogrpo makes the folder; every node has to see it"),
    "engine": Key(by="`openrlhf`"),
    "seed": Key(flags={"--train.seed": lambda run: run.config.seed}),
    **model_keys("model"),
    "model.lora.rank": Key(flags={"--ds.lora.rank": lambda run: run.config.model.lora.rank if _adapts(run) else None}),
    "model.lora.alpha": Key(
        flags={"--ds.lora.alpha": lambda run: int(_alpha(run.config)) if _adapts(run) else None},
        only="a whole number",
        is_refused=lambda config: config.model.lora.rank > 0 and not _alpha(config).is_integer(),
        why="OpenRLHF takes whole numbers only; round it",
    ),
    "model.lora.targets": Key(
        by="every linear layer but the head where it is empty",
        flags={
            "--ds.lora.target_modules": lambda run: (run.config.model.lora.targets or None) if _adapts(run) else None
        },
    ),
    **{
        f"data.{name}": Key(by=EVALUATION)
        for name in ("path", "prompt_column", "gold_column", "system", "suffix", "template", "max_prompt_tokens")
    },
    **{
        f"reward.{name}": Key(by=EVALUATION)
        for name in ("profile", "extract", "function", "cut_response", "max_failed_share")
    },
    "train.steps": Key(by=PAIRS),
    "train.epochs": Key(by=PAIRS),
    **optimizer_keys(""),
    "train.rollouts_per_update": Key(
        by="OpenRLHF counts pairs: half of it",
        flags={"--train.batch_size": lambda run: run.pairs},
    ),
    **{
        f"eval.{name}": Key(by=EVALUATION)
        for name in ("samples", "temperature", "top_p", "top_k", "data", "every_steps", "max_new_tokens")
    },
    **checkpoint_keys(),
    **LOG_KEYS,
    "openrlhf.mode": Key(by=NO_ROLLOUTS),
    "openrlhf.nodes": Key(by=LAUNCHER),
    "openrlhf.gpus_per_node": Key(by=LAUNCHER),
    "openrlhf.vllm_engines": Key(by=NO_ROLLOUTS),
    "openrlhf.vllm_tensor_parallel": Key(by=NO_ROLLOUTS),
    "openrlhf.vllm_memory_share": Key(by=NO_ROLLOUTS),
    "openrlhf.micro_batch_size": Key(
        by="OpenRLHF counts pairs: half of it",
        flags={"--train.micro_batch_size": lambda run: run.config.openrlhf.micro_batch_size // 2},
        only="an even number",
        is_refused=lambda config: config.openrlhf.micro_batch_size % 2 == 1,
        why="a pair has two sequences; use an even number",
    ),
    **ENGINE_KEYS,
    "dpo.loss": Key(by="`dpo` is OpenRLHF's own"),
    "dpo.beta": Key(flags={"--model.beta": lambda run: run.config.dpo.beta}),
    "dpo.reference": Key(
        by="its logprobs are computed at every step, not once",
        flags={"--ref.model_name_or_path": lambda run: run.reference},
    ),
    "dpo.label_smoothing": Key(flags={"--model.label_smoothing": lambda run: run.config.dpo.label_smoothing}),
    **{
        f"pairs.{name}": Key(by=PAIRS)
        for name in (
            "strategy",
            "margin",
            "cross_step",
            "max_staleness",
            "same_model",
            "dedupe",
            "max_per_prompt",
            "max_per_rollout",
            "cut_responses",
            "length_ratio_max",
            "seed",
        )
    },
}

ALWAYS: Mapping[str, Always[DpoLaunch]] = {
    "--data.dataset": Always(lambda run: run.data.absolute(), "the pairs' token ids"),
    "--data.max_len": Always(lambda run: run.max_len, "nothing is cut"),
    "--train.max_epochs": Always(lambda _: 1, "the file of pairs holds every epoch"),
    **CHECKPOINT_FOLDERS,
}

# Flags that OpenRLHF would take and nothing would heed, or that would train on another objective than dpo.loss says.
BARRED: Mapping[str, str] = {
    "--data.": PAIRS,
    "--eval.": "OpenRLHF's preference training does not evaluate pairs of twogrpo's",
    "--model.ipo_enable": "dpo.loss names the loss",
    "--model.nll_loss_coef": "dpo.loss names the loss",
    "--model.aux_loss_coef": "dpo.loss names the loss",
}
