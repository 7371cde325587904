"""The configuration beside imported rollouts: what a dpo run takes over from it."""

from typing import Any, Literal

from twogrpo.config.load import to_yaml
from twogrpo.config.sampling import DataSection, EvalSection, ModelSection, RewardSection
from twogrpo.config.section import RootSection

__all__ = ["ImportConfig", "Source"]

Source = Literal["trl", "verl", "plain"]


class ImportConfig(RootSection):
    """The folder of rollouts that another program has logged."""

    source: Source
    """What has logged them: TRL's completions, verl's dumps, or plain rows."""
    model: ModelSection | None = None
    """The model that dpo starts from; it may also be named there."""
    data: DataSection = DataSection()
    reward: RewardSection = RewardSection()
    eval: EvalSection = EvalSection()

    def taken(self) -> dict[str, Any]:
        """Return the nested keys that a dpo run takes over."""
        values = self.model_dump(exclude={"source"})
        return {name: section for name, section in values.items() if section is not None}

    def to_yaml(self) -> str:
        """Return the configuration as YAML that loads back to the same values."""
        text = to_yaml(self)
        return text if self.model is not None else text.replace("model: null\n", "", 1)
