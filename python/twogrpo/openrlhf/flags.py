"""An online configuration as the words behind `python -m openrlhf.cli.train_ppo_ray`."""

from pathlib import Path

from twogrpo.config import OnlineConfig
from twogrpo.openrlhf.batches import check_online_batches
from twogrpo.openrlhf.extra import checked_extra
from twogrpo.openrlhf.keys import check_keys, flag_words, owners
from twogrpo.openrlhf.online_keys import ALWAYS, BARRED, KEYS, OnlineLaunch

__all__ = ["COMMAND", "check_online", "online_flags"]

COMMAND = "train_ppo_ray"


def check_online(config: OnlineConfig) -> list[str]:
    """Return the checked words of `openrlhf.extra`, of a configuration that OpenRLHF can carry.

    Raises:
        ConfigError: A key that OpenRLHF cannot carry, batches that the GPUs do not divide, or a flag of
            `openrlhf.extra` that is unknown or set already.
    """
    check_keys(KEYS, config)
    extra = checked_extra(config.openrlhf.extra, command=COMMAND, taken=owners(KEYS, ALWAYS), barred=BARRED)
    check_online_batches(config, extra)
    return extra


def online_flags(
    config: OnlineConfig, *, model: str, run: Path, total_steps: int, max_len: int, agent: Path, is_resumed: bool
) -> list[str]:
    """Return OpenRLHF's command line for a configuration.

    Args:
        config: The run's configuration.
        model: Folder or hub id of the model that training starts from.
        run: The run folder, on a file system that every node sees.
        total_steps: Batches of rollouts of the whole run, those before a resume too.
        max_len: Tokens of the longest prompt, the evaluation's too, and of a whole response.
        agent: The file that OpenRLHF's rollout workers load, at the same path on every node.
        is_resumed: Whether the run goes on from its checkpoint.

    Raises:
        ConfigError: As `check_online` says.
    """
    extra = check_online(config)
    launch = OnlineLaunch(
        config=config,
        model=model,
        run=run,
        steps=total_steps,
        updates=total_steps * config.updates_per_step,
        max_len=max_len,
        agent=agent,
        is_resumed=is_resumed,
    )
    return [*flag_words(KEYS, ALWAYS, launch), *extra]
