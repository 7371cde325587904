"""What tests look at inside a launch, and what they break there: switched on by environment variables.

TWOGRPO_PROBE names a folder into which every rank writes what it is given to train on. TWOGRPO_PROBE_SYNCS is the
number of broadcasts after which weights no longer reach vLLM. TWOGRPO_PROBE_LOSSES is the number of batches after which
no loss is a number. TWOGRPO_PROBE_MEMORY lets vLLM fail at its start.

TWOGRPO_PROBE_PAIRS names a folder in which each rank of DPO adds a line to RANK.jsonl for every sequence of a forward
pass: its token ids, and how many of them are the prompt.
"""

import json
import os
from pathlib import Path


def _recorded(replay_buffer):
    """Write every experience that a rank is given, as it is given."""
    append = replay_buffer.NaiveReplayBuffer.append
    folder = Path(os.environ["TWOGRPO_PROBE"])

    def recording(self, experience):
        import torch
        import torch.distributed as dist

        number = getattr(self, "probed", 0)
        self.probed = number + 1
        taken = ("sequences", "action_mask", "advantages", "action_log_probs", "rollout_log_probs")
        torch.save(
            {name: getattr(experience, name) for name in taken},
            folder / f"rank{dist.get_rank()}-{os.getpid()}-{number:04d}.pt",
        )
        return append(self, experience)

    replay_buffer.NaiveReplayBuffer.append = recording


def _unsynced(ppo_actor):
    """Leave vLLM with the weights of an earlier step."""
    plain = ppo_actor.ActorPPOTrainer
    broadcast, left = plain.broadcast_to_vllm, int(os.environ["TWOGRPO_PROBE_SYNCS"])

    def counting(self):
        self.syncs = getattr(self, "syncs", 0) + 1
        if self.syncs <= left:
            broadcast(self)

    plain.broadcast_to_vllm = counting


def _diverging(ppo_actor):
    """Let the loss of a later batch be no number."""
    plain = ppo_actor.ActorPPOTrainer
    train, left = plain.ppo_train, int(os.environ["TWOGRPO_PROBE_LOSSES"])

    def counting(self, kl_ctl):
        self.batches = getattr(self, "batches", 0) + 1
        if self.batches == left + 1:
            loss_of = self.actor_loss_fn.forward

            def forward(*args, **kwargs):
                loss, *figures = loss_of(*args, **kwargs)
                return loss * float("nan"), *figures

            self.actor_loss_fn.forward = forward
        return train(self, kl_ctl)

    plain.ppo_train = counting


def _pairs_recorded(dpo_trainer):
    """Write down what the trainer hands to a model."""
    forward = dpo_trainer.DPOTrainer.concatenated_forward
    folder = Path(os.environ["TWOGRPO_PROBE_PAIRS"])

    def concatenated_forward(self, model, *batch):
        chosen_ids, c_mask, reject_ids, r_mask, prompt_id_lens = batch
        with (folder / f"{os.environ['RANK']}.jsonl").open("a") as file:
            for ids_BT, mask_BT in ((chosen_ids, c_mask), (reject_ids, r_mask)):
                for ids, mask, prompt in zip(ids_BT.tolist(), mask_BT.tolist(), prompt_id_lens, strict=True):
                    seen = [token for token, is_seen in zip(ids, mask, strict=True) if is_seen]
                    is_trained = model is self.model
                    file.write(json.dumps({"ids": seen, "prompt": prompt, "is_trained": is_trained}) + "\n")
        return forward(self, model, *batch)

    dpo_trainer.DPOTrainer.concatenated_forward = concatenated_forward


def _without_memory(async_llm):
    """Let the engine fail while it is made, as it does on a GPU that is full."""

    def from_engine_args(*_args, **_kwargs):
        raise RuntimeError("no memory is left for the cache")

    async_llm.AsyncLLM.from_engine_args = from_engine_args


PATCHES = {
    variable: patch
    for variable, patch in {
        "TWOGRPO_PROBE": ("openrlhf.trainer.ppo_utils.replay_buffer", _recorded),
        "TWOGRPO_PROBE_LOSSES": ("openrlhf.trainer.ray.ppo_actor", _diverging),
        "TWOGRPO_PROBE_MEMORY": ("vllm.v1.engine.async_llm", _without_memory),
        "TWOGRPO_PROBE_PAIRS": ("openrlhf.trainer.dpo_trainer", _pairs_recorded),
        "TWOGRPO_PROBE_SYNCS": ("openrlhf.trainer.ray.ppo_actor", _unsynced),
    }.items()
    if variable in os.environ
}
