"""Every key a run is described by: frozen pydantic models, loaded from YAML and `key=value`.

Knows neither torch nor transformers, so that a configuration can be checked anywhere.
"""

from twogrpo.config.load import load_config, to_yaml
from twogrpo.config.reference import KeyReference, key_reference
from twogrpo.config.runs import DpoConfig, OnlineConfig, RunConfig

__all__ = ["DpoConfig", "KeyReference", "OnlineConfig", "RunConfig", "key_reference", "load_config", "to_yaml"]
