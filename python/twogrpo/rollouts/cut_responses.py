"""What a cut response earned in the run that stored it."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from twogrpo.store import RolloutStore

__all__ = ["cut_response_of"]


def cut_response_of(store: "RolloutStore") -> Literal["score", "zero", "mask"]:
    """Return `reward.cut_response` of the run folder that the store stands in, `score` where there is none to ask."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        config = OmegaConf.load(store.path.resolve().parent / "config.resolved.yaml")
        found = OmegaConf.select(config, "reward.cut_response")
    except (OSError, YAMLError, OmegaConfBaseException, UnicodeDecodeError):
        return "score"
    return found if found in ("zero", "mask") else "score"
