"""What an online run on OpenRLHF begins with, checked before a launch: model, tokenised problems, replayed batches."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twogrpo.errors import ConfigError
from twogrpo.models import load_outline, load_tokenizer
from twogrpo.openrlhf.dpo_checkpoints import take_up_newest
from twogrpo.openrlhf.settings import Settings
from twogrpo.rewards import load_reward
from twogrpo.train.evaluation import load_prompts
from twogrpo.train.lengths import check_positions
from twogrpo.train.replay import Replay
from twogrpo.train.replay_opening import check_replay, find_replay
from twogrpo.train.session import provenance
from twogrpo.train.sources import find_sources

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from twogrpo.config import OnlineConfig
    from twogrpo.monitor import Console
    from twogrpo.prompts import PromptSet
    from twogrpo.train.run_folder import RunFolder

__all__ = ["Inputs", "read_inputs"]


@dataclass(frozen=True)
class Inputs:
    """Everything that a launch needs beside the configuration.

    Attributes:
        model: Folder or hub id.
        tokenizer: The model's.
        prompts: Problems to train on.
        problems: Problems of the evaluation.
        replay: Stored batches that come first.
        settings: What the workers are told.
    """

    model: str
    tokenizer: "PreTrainedTokenizerBase"
    prompts: "PromptSet"
    problems: "PromptSet | None"
    replay: Replay
    settings: Settings

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with a whole response, or of the longest replayed rollout."""
        sets = [self.prompts, self.problems] if self.problems is not None else [self.prompts]
        prompt = max(len(prompt.token_ids) for each in sets for prompt in each.prompts)
        replayed = max((batch.longest for batch in self.replay.batches), default=0)
        return max(prompt + self.settings.config.rollout.max_new_tokens, replayed)


def read_inputs(config: "OnlineConfig", folder: "RunFolder", console: "Console") -> Inputs:
    """Return what a run begins with; the embedded default is made on the spot.

    Raises:
        ConfigError, DataError, StoreError: Something of it cannot be used.
    """
    sources = find_sources(config, folder, console)
    # A whole path: Ray starts workers in folders of their own.
    model = str(Path(sources.model).resolve()) if Path(sources.model).exists() else sources.model
    # A reward that cannot be loaded is said here, before any GPU is taken.
    load_reward(config.reward.function, config.reward.profile, config.reward.extract)
    tokenizer = load_tokenizer(model)
    data, problems = sources.data or "", sources.eval_data
    prompts = load_prompts(data, tokenizer, config)
    held_out = None if problems is None else load_prompts(problems, tokenizer, config)
    outline = load_outline(model)
    for path, each in ((data, prompts), (problems or "", held_out)):
        if each is not None:
            check_positions(
                each.prompts,
                path=path,
                key="rollout.max_new_tokens",
                max_new_tokens=config.rollout.max_new_tokens,
                positions=getattr(outline.config, "max_position_embeddings", None),
            )
    first_step = take_up_newest(folder.checkpoints / "deepspeed" / "_actor") if folder.is_resumed else 0
    found = find_replay(config, resumed=folder.path if folder.is_resumed else None, made=first_step)
    if found is not None:
        check_replay(found, config, tokenizer=tokenizer, model=outline)
    replay = Replay() if found is None else found.replay
    settings = _settings(config, folder, tokenizer, (len(prompts), len(replay), first_step))
    return Inputs(model, tokenizer, prompts, held_out, replay, settings)


def _settings(
    config: "OnlineConfig", folder: "RunFolder", tokenizer: "PreTrainedTokenizerBase", counts: tuple[int, int, int]
) -> Settings:
    prompts, replayed, first_step = counts
    own = math.ceil((config.train.epochs or 1) * prompts / config.rollout.prompts_per_step)
    path = Path(config.model.path)
    steps = config.train.steps or replayed + own
    if steps < first_step:
        raise ConfigError(
            f"train.steps={steps} is below the {first_step} steps that {folder.path} has made; give at least as many"
        )
    return Settings(
        config=config,
        run=folder.path.resolve(),
        run_id=folder.run_id,
        model_id=path.name if path.exists() else config.model.path,
        steps=steps,
        replayed=replayed,
        first_step=first_step,
        provenance=provenance(config, tokenizer),
    )
