"""The patches of `cpu`, and one more: what OpenRLHF's DPO trainer hands to a model is written down.

On PYTHONPATH in the place of `cpu`. Each rank adds a line to RECORD_FOLDER/RANK.jsonl for every sequence of a forward
pass: its token ids, and how many of them are the prompt.
"""

import importlib.util
import json
import os
from pathlib import Path

_file = Path(__file__).parents[1] / "cpu" / "sitecustomize.py"
_spec = importlib.util.spec_from_file_location("cpu_patches", _file)
_patches = importlib.util.module_from_spec(_spec)


def _recorded(dpo_trainer):
    forward = dpo_trainer.DPOTrainer.concatenated_forward

    def concatenated_forward(self, model, *batch):
        chosen_ids, c_mask, reject_ids, r_mask, prompt_id_lens = batch
        with (Path(os.environ["RECORD_FOLDER"]) / f"{os.environ['RANK']}.jsonl").open("a") as file:
            for ids_BT, mask_BT in ((chosen_ids, c_mask), (reject_ids, r_mask)):
                for ids, mask, prompt in zip(ids_BT.tolist(), mask_BT.tolist(), prompt_id_lens, strict=True):
                    seen = [token for token, is_seen in zip(ids, mask, strict=True) if is_seen]
                    is_trained = model is self.model
                    file.write(json.dumps({"ids": seen, "prompt": prompt, "is_trained": is_trained}) + "\n")
        return forward(self, model, *batch)

    dpo_trainer.DPOTrainer.concatenated_forward = concatenated_forward


_spec.loader.exec_module(_patches)
_patches.PATCHES["openrlhf.trainer.dpo_trainer"] = _recorded
