"""Where a run's model and data are."""

from dataclasses import dataclass

from twogrpo.config import RunConfig
from twogrpo.config.embedded import TINY
from twogrpo.monitor import Console
from twogrpo.tiny import materialise
from twogrpo.train.run_folder import RunFolder

__all__ = ["Sources", "find_sources"]

WARM_START_REPORT = 50


@dataclass(frozen=True)
class Sources:
    """Where the run's model and data really are, the embedded default made on the spot."""

    model: str
    data: str | None
    eval_data: str | None


def find_sources(config: RunConfig, folder: RunFolder, console: Console) -> Sources:
    """Return where model and data are; the embedded default is made in the run folder."""
    paths = (config.model.path, config.data.path, config.eval.data)
    if TINY not in paths:
        return Sources(config.model.path, config.data.path, config.eval.data)

    def report(step: int, total: int, loss: float) -> None:
        if step % WARM_START_REPORT == 0 or step == total:
            console.step(step, total, {"loss": f"{loss:.3f}"}, "warm-up")

    tiny = materialise(folder.tiny, config.seed, on_step=report)
    return Sources(
        model=str(tiny.model) if config.model.path == TINY else config.model.path,
        data=str(tiny.train) if config.data.path == TINY else config.data.path,
        eval_data=str(tiny.test) if config.eval.data == TINY else config.eval.data,
    )
