"""Whether OpenRLHF can divide the batches among the GPUs: what it asserts deep inside its workers, asked beforehand."""

from collections.abc import Sequence

from twogrpo.config import OnlineConfig
from twogrpo.config.distributed import OpenrlhfSection
from twogrpo.errors import ConfigError
from twogrpo.openrlhf.extra import value_of

__all__ = ["check_dpo_batches", "check_online_batches", "data_ranks"]


def check_online_batches(config: OnlineConfig, extra: Sequence[str]) -> None:
    """Refuse batches that the GPUs do not divide, GPUs that cannot be shared, and several updates of a replayed batch.

    Args:
        config: The run's configuration.
        extra: The checked words of `openrlhf.extra`.

    Raises:
        ConfigError: With the numbers found and numbers that fit.
    """
    section = config.openrlhf
    _check_replay(config)
    _check_whole_batches(config, extra)
    _check_sharing(section, is_shared=section.mode == "colocated" or "--train.colocate_all" in extra)
    _check_sleep(section, extra)
    ranks = data_ranks(section, extra)
    update = config.train.rollouts_per_update
    size = update or config.rollouts_per_step
    product = f"rollout.prompts_per_step={config.rollout.prompts_per_step} x rollout.group_size"
    named = (
        f"train.rollouts_per_update={size}" if update else f"{product}={config.rollout.group_size}, {size} rollouts,"
    )
    _check_division(size, section.micro_batch_size, ranks, named=named, unit=1)


def _check_whole_batches(config: OnlineConfig, extra: Sequence[str]) -> None:
    has_others = config.replay.rollouts is not None or "--algo.dynamic_filtering_enable" in extra
    if "--train.dynamic_batch_enable" in extra and has_others:
        raise ConfigError(
            "openrlhf.extra: --train.dynamic_batch_enable trains on whole batches only, which replay.rollouts and "
            "--algo.dynamic_filtering_enable do not give; leave it out"
        )


def check_dpo_batches(section: OpenrlhfSection, pairs: int, extra: Sequence[str]) -> None:
    """Refuse updates that the GPUs do not divide into micro-batches of whole pairs.

    Args:
        section: The run's section `openrlhf`, with an even micro-batch.
        pairs: Pairs of one optimizer step.
        extra: The checked words of `openrlhf.extra`.

    Raises:
        ConfigError: With the numbers found and numbers that fit.
    """
    if pairs < 1:
        raise ConfigError("train.rollouts_per_update=null leaves an update without a size; give an even number")
    ranks = data_ranks(section, extra)
    named = f"an update of train.rollouts_per_update={2 * pairs}"
    _check_division(2 * pairs, section.micro_batch_size, ranks, named=named, unit=2)


def data_ranks(section: OpenrlhfSection, extra: Sequence[str]) -> int:
    """Return the workers that each train on sequences of their own.

    Raises:
        ConfigError: Ring attention and tensor parallelism do not divide the GPUs.
    """
    gpus = section.nodes * section.gpus_per_node
    ring = value_of("--ds.ring_attn_size", extra, 1)
    tensor = value_of("--ds.tensor_parallel_size", extra, 1)
    if gpus % (ring * tensor):
        raise ConfigError(
            f"openrlhf.extra: --ds.ring_attn_size {ring} x --ds.tensor_parallel_size {tensor} does not divide the "
            f"{gpus} GPUs of openrlhf.nodes={section.nodes} x openrlhf.gpus_per_node={section.gpus_per_node}"
        )
    return gpus // (ring * tensor)


def _check_replay(config: OnlineConfig) -> None:
    if config.replay.rollouts is not None and config.updates_per_step > 1:
        raise ConfigError(
            f"train.rollouts_per_update={config.train.rollouts_per_update} makes {config.updates_per_step} updates of "
            "a batch; with replay.rollouts and engine=openrlhf leave it unset"
        )


def _check_sharing(section: OpenrlhfSection, *, is_shared: bool) -> None:
    policy = section.nodes * section.gpus_per_node
    engines = section.vllm_engines * section.vllm_tensor_parallel
    if is_shared and policy != engines:
        raise ConfigError(
            f"openrlhf.mode=colocated shares GPUs one to one, but openrlhf.nodes={section.nodes} x "
            f"openrlhf.gpus_per_node={section.gpus_per_node} is {policy} of them for the policy, and "
            f"openrlhf.vllm_engines={section.vllm_engines} x openrlhf.vllm_tensor_parallel="
            f"{section.vllm_tensor_parallel} is {engines} for vLLM; make them equal"
        )


def _check_sleep(section: OpenrlhfSection, extra: Sequence[str]) -> None:
    sleeps = section.mode == "colocated" or "--ds.enable_sleep" in extra
    if sleeps and section.zero_stage == 0:
        raise ConfigError(
            "openrlhf.zero_stage=0 cannot be put to sleep, which openrlhf.mode=colocated does in turns; use "
            "openrlhf.zero_stage=2, or openrlhf.mode=sync with --train.colocate_all in openrlhf.extra"
        )


def _check_division(size: int, micro: int, ranks: int, *, named: str, unit: int) -> None:
    """Refuse `size` sequences that `ranks` workers cannot take in micro-batches of `micro`."""
    if size % (micro * ranks) == 0:
        return
    fits = [n for n in range(unit, size // ranks + 1, unit) if size % (n * ranks) == 0]
    near = sorted(sorted(fits, key=lambda n: abs(n - micro))[:3])
    remedy = (
        f"use openrlhf.micro_batch_size={' or '.join(map(str, near))}"
        if near
        else f"use a number of GPUs that divides {size // unit}, or a batch of a multiple of {ranks * unit}"
    )
    raise ConfigError(
        f"{named} cannot be divided into micro-batches of openrlhf.micro_batch_size={micro} on {ranks} GPUs; {remedy}"
    )
