"""The run's prompts in place of OpenRLHF's data loader: our order, our token ids, every batch full.

OpenRLHF's loader shuffles with torch's unseeded generator, tokenises again in every worker, cuts long prompts in
silence and ends an epoch with a batch that is too short to fire an optimizer step. This one draws from the permutation
that the local engine draws from, so that a seed gives both engines the same prompts in the same order.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twogrpo.openrlhf.settings import Settings
from twogrpo.prompts import Draw, Prompt, PromptOrder, PromptSet

__all__ = ["PromptLoader", "draw_of_label", "is_evaluation", "load_loaders", "read_prompts", "write_prompts"]

# One prompt as OpenRLHF's generator takes it: data sources, prompts, labels, images, each a list of one.
Item = tuple[list[str], list[str], list[str], list[None]]


def write_prompts(path: Path, prompts: PromptSet) -> None:
    """Write tokenised prompts for the workers, which then need neither the data nor the template."""
    import polars as pl

    columns = {name: [getattr(prompt, name) for prompt in prompts.prompts] for name in Prompt.__dataclass_fields__}
    schema = {"golds": pl.List(pl.String), "token_ids": pl.List(pl.Int32)}
    pl.DataFrame(columns, schema_overrides=schema).write_parquet(path)


def read_prompts(path: Path) -> PromptSet:
    """Return the prompts that `write_prompts` wrote."""
    import polars as pl

    rows = pl.read_parquet(path, glob=False).iter_rows(named=True)
    return PromptSet(
        tuple(Prompt(**{**row, "golds": tuple(row["golds"]), "token_ids": tuple(row["token_ids"])}) for row in rows)
    )


@dataclass
class PromptLoader:
    """Draws in the seeded order from a cursor on, with the state that OpenRLHF keeps in its checkpoints.

    Attributes:
        prompts: What is drawn from.
        order: The permutation of every epoch; None draws in the order of the rows.
        total: Draws until it is exhausted.
        phase: `train` or `eval`.
        cursor: Draws made.
    """

    prompts: PromptSet
    order: PromptOrder | None
    total: int
    phase: str = "train"
    cursor: int = 0

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[Item]:
        if self.phase == "eval":
            self.cursor = 0
        while self.cursor < self.total:
            position = self.cursor
            self.cursor += 1
            index = position if self.order is None else self.order.at(position)
            yield self._item(position, self.prompts[index])

    def state_dict(self) -> dict[str, int]:
        """Return what a checkpoint has to hold."""
        return {"cursor": self.cursor}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on behind the draws of a checkpoint."""
        self.cursor = state["cursor"]

    def _item(self, position: int, prompt: Prompt) -> Item:
        # The label is the one thing that OpenRLHF hands to the agent untouched.
        label = json.dumps({"phase": self.phase, "group_id": position, **vars(prompt)})
        return [prompt.dataset], [prompt.text], [label], [None]


def draw_of_label(label: str) -> Draw:
    """Return the draw that a label stands for."""
    values = json.loads(label)
    fields: dict[str, Any] = {name: values[name] for name in Prompt.__dataclass_fields__}
    prompt = Prompt(**{**fields, "golds": tuple(fields["golds"]), "token_ids": tuple(fields["token_ids"])})
    return Draw(values["group_id"], prompt)


def is_evaluation(label: str) -> bool:
    """Return whether a label belongs to an evaluation."""
    return bool(json.loads(label)["phase"] == "eval")


def load_loaders(settings: Settings) -> tuple[PromptLoader, PromptLoader | None, int]:
    """Return the loaders of training and evaluation, and the run's optimizer steps.

    In place of OpenRLHF's `prepare_datasets`, with its result.
    """
    config = settings.config
    prompts = read_prompts(settings.prompts)
    total = max(0, settings.steps - settings.replayed) * config.rollout.prompts_per_step
    training = PromptLoader(prompts, PromptOrder(len(prompts), config.seed), total)
    evaluation = None
    if settings.eval_prompts.exists():
        problems = read_prompts(settings.eval_prompts)
        evaluation = PromptLoader(problems, None, len(problems), phase="eval")
    return training, evaluation, settings.steps * config.updates_per_step
