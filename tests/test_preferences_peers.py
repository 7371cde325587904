"""Exported pairs are read by the peers' own code, where it is installed: `pip install '.[bench]'` brings TRL and
`datasets`, `pip install --no-deps openrlhf==0.11.2 pylatexenc` OpenRLHF's data sets (its trainers need far more).
"""

from types import SimpleNamespace

import pytest

from tests.stored_run import build_run
from twogrpo import PairSpec, RolloutStore, build_pairs
from twogrpo.preferences import Asked, scan_preferences
from twogrpo.table_files import write_table

datasets = pytest.importorskip("datasets", reason="reading an export needs `pip install '.[bench]'`")

# The peers, and what they import, warn about their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

ASKED = Asked("chat", system="Be brief.", suffix=" Think.")
KEYS = ("data.system=Be brief.", "data.suffix=' Think.'")
FORMS = ["conversational", "standard"]


@pytest.fixture(scope="module")
def tokenizer(model_folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model_folder)


@pytest.fixture
def export(tmp_path, model_folder, problems, tokenizer, monkeypatch):
    """Export a run's pairs and load the file with `datasets`."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    store = RolloutStore.open(build_run(tmp_path / "run", model_folder, problems, *KEYS))
    pairs = build_pairs(store, PairSpec())

    def make(form, suffix=".jsonl"):
        rows = scan_preferences(store, pairs, ASKED, form=form, tokenizer=tokenizer, with_ids=True)
        file = tmp_path / f"pairs{suffix}"
        write_table(rows, str(file), "--export")
        kind = {".jsonl": "json", ".parquet": "parquet"}[suffix]
        return datasets.load_dataset(kind, data_files=str(file), split="train")

    return make


@pytest.mark.parametrize("form", FORMS)
def test_datasets_reads_the_same_rows_from_both_files(export, form):
    lines, table = export(form), export(form, ".parquet")
    assert lines.to_list() == table.to_list()
    assert len(lines) == 6


@pytest.mark.parametrize("form", FORMS)
def test_trl_s_dpo_trainer_sees_the_ids_that_were_sampled(export, form, tmp_path, model_folder, tokenizer):
    trl = pytest.importorskip("trl", reason="DPOTrainer needs `pip install '.[bench]'`")
    exported = export(form)
    args = trl.DPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none")
    trainer = trl.DPOTrainer(str(model_folder), args=args, train_dataset=exported, processing_class=tokenizer)
    # The end that TRL adds: the template's end of a message, or the end token alone.
    end = tokenizer("<|im_end|>\n" if form == "conversational" else "<|im_end|>")["input_ids"]
    for found, row in zip(trainer.train_dataset, exported, strict=True):
        assert found["prompt_ids"] == row["prompt_ids"]
        for side in ("chosen", "rejected"):
            sampled = row[f"{side}_ids"]
            is_cut = row[f"{side}_finish_reason"] == "length"
            assert found[f"{side}_ids"] == (sampled if is_cut else sampled[:-1]) + end


def test_trl_s_collator_takes_the_sampled_ids_as_they_are(export, tokenizer):
    collators = pytest.importorskip("trl.trainer.dpo_trainer", reason="needs `pip install '.[bench]'`")
    exported = export("conversational")
    batch = collators.DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id)(exported.to_list())
    row = exported[0]
    sampled = row["prompt_ids"] + row["chosen_ids"]
    assert batch["input_ids"][0, : len(sampled)].tolist() == sampled


@pytest.mark.parametrize("form", FORMS)
def test_openrlhf_s_data_set_begins_with_the_ids_that_were_sampled(export, form, tokenizer):
    peer = pytest.importorskip(
        "openrlhf.datasets", reason="needs `pip install --no-deps openrlhf==0.11.2 pylatexenc`", exc_type=ImportError
    )
    exported = export(form)
    keys = {"prompt_key": "prompt", "chosen_key": "chosen", "rejected_key": "rejected"}
    data = SimpleNamespace(**keys, apply_chat_template=form == "conversational")
    strategy = SimpleNamespace(args=SimpleNamespace(data=data))
    read = peer.RewardDataset(exported, tokenizer, 256, strategy, is_dpo=True, num_processors=1)
    for index, row in enumerate(exported):
        chosen, _, rejected, _, prompt_len = read[index]
        assert chosen[0, :prompt_len].tolist() == row["prompt_ids"]
        for side, found in (("chosen", chosen), ("rejected", rejected)):
            text = row[f"{side}_ids"][: None if row[f"{side}_finish_reason"] == "length" else -1]
            # It strips newlines from the end, and puts a blank before an end token that it adds.
            while tokenizer.decode(text).endswith("\n"):
                text = text[:-1]
            assert found[0, prompt_len : prompt_len + len(text)].tolist() == text
            assert found[0, -1] == tokenizer.eos_token_id
