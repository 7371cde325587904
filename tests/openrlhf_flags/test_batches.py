"""Batches that OpenRLHF would refuse in its workers are refused before a launch, and only those."""

import pytest

from tests.openrlhf_flags.configs import dpo_words, online_words
from twogrpo.errors import ConfigError

EIGHT = "openrlhf.gpus_per_node=8"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            ("openrlhf.mode=colocated", EIGHT),
            "gpus_per_node=8 is 8 of them for the policy, and .* is 1 for vLLM; make them equal",
        ),
        (("openrlhf.extra=[--train.colocate_all]", EIGHT), "make them equal"),
        (("openrlhf.mode=colocated", "openrlhf.zero_stage=0"), "openrlhf.zero_stage=0 cannot be put to sleep"),
        (
            ("openrlhf.micro_batch_size=6",),
            "group_size=2, 512 rollouts, cannot be .* openrlhf.micro_batch_size=6 on 1 GPUs; use .*=2 or 4 or 8",
        ),
        (
            ("train.rollouts_per_update=32", "openrlhf.micro_batch_size=8", EIGHT),
            "use openrlhf.micro_batch_size=1 or 2",
        ),
        (
            ("openrlhf.gpus_per_node=3",),
            "on 3 GPUs; use a number of GPUs that divides 512, or a batch of a multiple of 3",
        ),
        ((EIGHT, "openrlhf.extra=[--ds.ring_attn_size, '3', --ds.packing_samples]"), "does not divide the 8 GPUs"),
    ],
)
def test_an_online_batch_that_does_not_fit_is_refused(overrides, says):
    with pytest.raises(ConfigError, match=says):
        online_words(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ("openrlhf.mode=colocated", EIGHT, "openrlhf.vllm_engines=4", "openrlhf.vllm_tensor_parallel=2"),
        ("openrlhf.micro_batch_size=64", EIGHT),
        ("openrlhf.extra=[--train.colocate_all]", "openrlhf.zero_stage=0"),
        # Two GPUs take the same sequence: four workers are left.
        (
            "openrlhf.micro_batch_size=8",
            "train.rollouts_per_update=32",
            EIGHT,
            "openrlhf.extra=[--ds.tensor_parallel_size, '2']",
        ),
    ],
)
def test_an_online_batch_that_fits_is_taken(overrides):
    assert online_words(*overrides)


def test_a_dpo_update_is_divided_into_whole_pairs():
    with pytest.raises(ConfigError, match=r"rollouts_per_update=24 cannot be .* use openrlhf.micro_batch_size=2 or 6"):
        dpo_words("train.rollouts_per_update=24", "openrlhf.gpus_per_node=4")


def test_a_dpo_update_that_fits_is_taken():
    assert dpo_words("train.rollouts_per_update=24", "openrlhf.gpus_per_node=4", "openrlhf.micro_batch_size=6")
