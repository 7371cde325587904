"""What every rank of a dpo run has to know, and the files that it finds by it."""

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DpoFiles", "DpoJob"]


@dataclass(frozen=True)
class DpoFiles:
    """Files of one dpo run beside those of any run.

    Attributes:
        run: The run folder.
    """

    run: Path

    @property
    def schedule(self) -> Path:
        """Token ids of the pairs of the whole training, in its order."""
        return self.run / "schedule.parquet"

    @property
    def log(self) -> Path:
        """What all ranks print."""
        return self.run / "openrlhf.log"

    @property
    def failure(self) -> Path:
        """Why the first rank that failed has failed."""
        return self.run / ".failure"

    @property
    def checkpoints(self) -> Path:
        """One Hugging Face folder a checkpoint."""
        return self.run / "checkpoints"

    @property
    def deepspeed(self) -> Path:
        """DeepSpeed's checkpoints: weights and optimizer of every rank."""
        return self.checkpoints / "deepspeed"

    @property
    def weights(self) -> Path:
        """Weights of a checkpoint that is not whole yet."""
        return self.checkpoints / ".openrlhf.tmp"

    @property
    def metrics(self) -> Path:
        """One JSON line a step."""
        return self.run / "metrics.jsonl"


@dataclass(frozen=True)
class DpoJob:
    """One dpo run, as its ranks see it.

    Attributes:
        run: Its folder, on a file system that every node sees.
        flags: Of OpenRLHF's `train_dpo`.
        steps: Optimizer steps of the whole run.
        first_step: Steps made before this process; above 0 when resumed.
        keep: Newest checkpoints that stay on disk.
    """

    run: Path
    flags: tuple[str, ...]
    steps: int
    first_step: int
    keep: int

    @property
    def files(self) -> DpoFiles:
        """The run's files."""
        return DpoFiles(self.run)

    def to_json(self) -> str:
        """Return the job as text."""
        return json.dumps({**vars(self), "run": str(self.run)})

    @classmethod
    def of_json(cls, text: str) -> "DpoJob":
        """Return the job that `to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "run": Path(values["run"]), "flags": tuple(values["flags"])})
