"""verl's own trainer class logs a batch into a store and dumps it; the dump is imported, and dpo trains on both."""

import json

import numpy as np
import polars as pl
import pytest
import torch

import twogrpo as tg
from tests.logging_from_trainers.page import example
from twogrpo.config import DpoConfig
from twogrpo.monitor import Console
from twogrpo.rollouts.decoded_prompts import PromptFrame
from twogrpo.rollouts.imports import import_rollouts

# verl and what it imports warn about their own future.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PROBLEMS = ["12+31", "45+21"]
RESPONSES = [r"\boxed{43}", r"\boxed{66}", r"\boxed{44}", r"\boxed{6}"]
SCORES = [1.0, 1.0, 0.0, 0.0]


@pytest.fixture
def trainer(tmp_path, model_folder):
    """Return verl's trainer with what it logs with, and the example of the page mixed in."""
    ray_trainer = pytest.importorskip("verl.trainer.ppo.ray_trainer", reason="needs `pip install verl`")
    from transformers import AutoTokenizer

    class Trainer(example("StoredRollouts"), ray_trainer.RayPPOTrainer):
        def __init__(self):
            self.tokenizer = AutoTokenizer.from_pretrained(model_folder)
            self.rollouts = tg.RolloutStore.open(tmp_path / "rollouts", run_id="verl")
            self.global_steps = 3
            self._init_dump_executor()

    made = Trainer()
    yield made
    made.rollouts.close()


@pytest.fixture
def dumped(trainer, tmp_path):
    """Log one batch as `fit` does, and return the folder of verl's dumps."""
    batch = batch_of(trainer.tokenizer)
    trainer._log_rollout_data(batch, {"acc": np.array(SCORES)}, {}, str(tmp_path / "dumps"))
    trainer._shutdown_dump_executor()
    trainer.rollouts.flush()
    return tmp_path / "dumps"


def batch_of(tokenizer):
    """Return a batch as `fit` has it at the end of a step: padded, and reordered by length."""
    from verl import DataProto

    asked = [[{"role": "user", "content": problem}] for problem in PROBLEMS] * 2
    rendered = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    prompts = padded(tokenizer(rendered, add_special_tokens=False)["input_ids"], "left", tokenizer.pad_token_id)
    ends = [[*ids, tokenizer.eos_token_id] for ids in tokenizer(RESPONSES)["input_ids"]]
    responses = padded(ends, "right", tokenizer.pad_token_id)
    scores = torch.zeros(responses[0].shape)
    scores[:, 0] = torch.tensor(SCORES)
    tensors = {
        "prompts": prompts[0],
        "responses": responses[0],
        "attention_mask": torch.cat([prompts[1], responses[1]], dim=1),
        "token_level_scores": scores,
    }
    others = {
        "uid": np.array(["a", "b", "a", "b"], dtype=object),
        "raw_prompt": np.array([*asked, None], dtype=object)[:-1],
        "reward_model": np.array([{"ground_truth": gold} for gold in ("43", "66", "43", "66")], dtype=object),
    }
    return DataProto.from_dict(tensors, others)


def padded(rows, side, pad_id):
    width = max(map(len, rows)) + 2
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for row, tokens in enumerate(rows):
        place = slice(width - len(tokens), width) if side == "left" else slice(0, len(tokens))
        ids[row, place], mask[row, place] = torch.tensor(tokens), 1
    return ids, mask


def prefer(tmp_path, model_folder, rollouts):
    keys = [f"run_dir={tmp_path / 'dpo'}", f"model.path={model_folder}", "train.steps=2", "train.threads=1"]
    return tg.train_dpo(DpoConfig.load(None, keys), rollouts, console=Console(is_quiet=True))


def ids_of(store):
    return store.scan().sort("prompt", "response").select("prompt", "response", "reward").collect()


def test_the_example_of_the_page_stores_the_batch(dumped, trainer, tmp_path, model_folder):  # noqa: ARG001
    rows = trainer.rollouts.scan().sort("group_id", "rollout_idx").collect()
    assert rows["prompt"].to_list() == ["12+31", "12+31", "45+21", "45+21"]
    assert rows["response"].cast(pl.String).to_list() == [RESPONSES[row] for row in (0, 2, 1, 3)]
    assert rows["reward"].to_list() == [1.0, 0.0, 1.0, 0.0]
    assert rows["gold"].to_list() == ["43", "43", "66", "66"]
    tokenizer = trainer.tokenizer
    assert [ids[-1] for ids in rows["response_ids"]] == [tokenizer.eos_token_id] * 4
    assert tokenizer.pad_token_id not in rows["prompt_ids"].explode().to_list()
    assert prefer(tmp_path, model_folder, tmp_path / "rollouts").summary["pairs"] == 2


def test_verl_s_dump_is_imported_and_trained_on(dumped, trainer, tmp_path, model_folder):
    first = json.loads((dumped / "3.jsonl").read_text().splitlines()[0])
    assert list(first) == ["input", "output", "gts", "score", "step", "acc"]
    report = import_rollouts(
        [dumped],
        tmp_path / "run",
        settings={"model": {"path": str(model_folder)}},
        frame=lambda config: PromptFrame.of(trainer.tokenizer, config.data.system),
    )
    assert (report.source, report.counts.groups) == ("verl", 2)
    # The dump has lost the special tokens; the problem is found in it again.
    assert ids_of(tg.RolloutStore.open(tmp_path / "run")).equals(ids_of(trainer.rollouts))
    assert prefer(tmp_path, model_folder, tmp_path / "run").summary["pairs"] == 2


def test_text_is_tokenised_as_it_was_sampled(dumped, trainer, tmp_path):
    from twogrpo.train.pair_text import PairText

    config = DpoConfig.load(None, ["model.path=unused"])
    import_rollouts([dumped], tmp_path / "run", frame=lambda _: PromptFrame.of(trainer.tokenizer, None))
    bare = tg.RolloutStore.open(tmp_path / "run").scan().collect()
    filled = PairText(config, lambda: trainer.tokenizer).fill(bare).sort("response")
    sampled = trainer.rollouts.scan().sort("response").collect()
    for name in ("prompt_ids", "response_ids"):
        assert filled[name].to_list() == sampled[name].to_list()
