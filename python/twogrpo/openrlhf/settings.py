"""What the workers of a run have to know, handed to them as JSON in an environment variable that Ray passes on.

OpenRLHF's own arguments reach every worker too, but its parser knows only its own flags.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twogrpo.config import OnlineConfig
from twogrpo.errors import EngineError
from twogrpo.rollouts.replay_pin import PIN

__all__ = ["VARIABLE", "WRITER", "Settings"]

VARIABLE = "TWOGRPO_OPENRLHF"
WRITER = "w0"
"""Who writes the rollouts of a run, in the store."""


@dataclass(frozen=True)
class Settings:
    """One online run, as its workers see it.

    Attributes:
        config: The run's configuration.
        run: Its folder, on a file system that every node sees.
        run_id: Its name in the store.
        model_id: What the store names the model.
        steps: Batches of the whole run, replayed ones included.
        replayed: How many of them come from a store.
        first_step: The batch that this process begins with; above 0 when resumed.
        provenance: Hashes for the store's footers.
    """

    config: OnlineConfig
    run: Path
    run_id: str
    model_id: str
    steps: int
    replayed: int = 0
    first_step: int = 0
    provenance: dict[str, str] = field(default_factory=dict)

    @property
    def prompts(self) -> Path:
        """The tokenised prompts."""
        return self.run / "prompts.parquet"

    @property
    def eval_prompts(self) -> Path:
        """The tokenised problems of the evaluation; absent without one."""
        return self.run / "eval_prompts.parquet"

    @property
    def rollouts(self) -> Path:
        """The rollout store."""
        return self.run / "rollouts"

    @property
    def metrics(self) -> Path:
        """One JSON line a step or evaluation."""
        return self.run / "metrics.jsonl"

    @property
    def pin(self) -> Path:
        """The stored batches that the run replays."""
        return self.run / PIN

    def to_json(self) -> str:
        """Return the settings as text, with whole paths: Ray starts workers in folders of their own."""
        values: dict[str, Any] = {name: value for name, value in vars(self).items() if name != "config"}
        config = self.config.model_dump(mode="json")
        for section, key in (("reward", "function"), ("replay", "rollouts")):
            if config[section][key] is not None:
                config[section][key] = str(Path(config[section][key]).absolute())
        return json.dumps({**values, "run": str(self.run), "config": config})

    @classmethod
    def of_json(cls, text: str) -> "Settings":
        """Return the settings that `to_json` wrote."""
        values = json.loads(text)
        values["config"] = OnlineConfig.model_validate(values["config"])
        return cls(**{**values, "run": Path(values["run"])})

    @classmethod
    def of_environment(cls) -> "Settings":
        """Return the settings of the run that this worker belongs to.

        Raises:
            EngineError: The process was not started by `twogrpo online`.
        """
        text = os.environ.get(VARIABLE)
        if text is None:
            raise EngineError(f"{VARIABLE} is not set in this worker; start the run with `twogrpo online`")
        return cls.of_json(text)
