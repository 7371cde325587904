"""The stored token ids of the pairs as OpenRLHF's data set, served in the order in which they were laid out.

OpenRLHF's own data set tokenises text again, appends an end token and overwrites the last token of a response that was
cut with it.
"""

from typing import TYPE_CHECKING, Any

import torch
from openrlhf.datasets import RewardDataset
from openrlhf.utils.distributed_sampler import DistributedSampler
from torch import Tensor
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["OrderedSampler", "PairDataset"]

Pair = tuple[Tensor, Tensor, Tensor, Tensor, int]


class PairDataset(RewardDataset):  # type: ignore[misc,unused-ignore]  # OpenRLHF is not typed
    """Pairs of token ids, a row of the Parquet file each.

    Args:
        dataset: Columns prompt_ids, chosen_ids and rejected_ids, the last two without the prompt.
        tokenizer: Its pad token fills the shorter rows of a batch; it tokenises nothing.
        max_length: Tokens of the longest row; nothing is cut.
        strategy: OpenRLHF's, which the trainer asks for its arguments.
        settings: What OpenRLHF passes for text.
    """

    def __init__(
        self,
        dataset: Any,  # Hugging Face's, which this package does not depend on
        tokenizer: "PreTrainedTokenizerBase",
        max_length: int,
        strategy: Any,  # OpenRLHF's
        **settings: object,
    ) -> None:
        del settings
        # OpenRLHF's own constructor would tokenise.
        Dataset.__init__(self)
        self.is_dpo = True
        self.rows = dataset
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.strategy = strategy

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Pair:
        row = self.rows[index]
        prompt = row["prompt_ids"]
        chosen, rejected = (torch.tensor([prompt + row[side]]) for side in ("chosen_ids", "rejected_ids"))
        return chosen, torch.ones_like(chosen), rejected, torch.ones_like(rejected), len(prompt)


class OrderedSampler(DistributedSampler):  # type: ignore[misc,unused-ignore]
    """OpenRLHF's sampler without its shuffling: rank r of R takes rows r, r + R and on, in the order of the file."""

    def __init__(self, dataset: PairDataset, **settings: Any) -> None:  # those of the class above
        super().__init__(dataset, **{**settings, "shuffle": False})
