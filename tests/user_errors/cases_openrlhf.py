"""Mistakes with `engine=openrlhf`: they are found before a folder is made, and before any package is looked for."""

from tests.user_errors.case import Case
from tests.user_errors.world import SOURCES


def distributed(*keys):
    """Return the words of an online run on OpenRLHF."""
    return ("online", "run_dir=run", *SOURCES, "train.steps=3", "engine=openrlhf", *keys)


def refused(did, keys, *says):
    """Return a case whose configuration is refused for OpenRLHF."""
    return Case(did=did, words=distributed("model.dtype=bfloat16", *keys), code=2, says=says)


OPENRLHF = [
    Case(
        did="set `engine=openrlhf` where OpenRLHF is not installed",
        words=distributed("model.dtype=bfloat16"),
        code=4,
        says=(
            "openrlhf is missing, expected 0.11.2",
            "vllm is missing",
            'pip install "twogrpo[openrlhf]"',
            "--no-deps",
        ),
        theirs=r"(?<=torch is )[^,]+|(?<=transformers is )[^,]+",
    ),
    Case(
        did="keep keys that OpenRLHF cannot carry",
        words=distributed("train.threads=1"),
        code=2,
        says=("model.dtype=float32", "set model.dtype=bfloat16", "train.threads=1", "leave train.threads unset"),
    ),
    refused(
        "ask OpenRLHF for a divisor that it does not have",
        ("objective.aggregate=constant",),
        "objective.aggregate=constant",
        "use sequence_mean or token_mean",
    ),
    refused(
        "ask for adapters in an online run on OpenRLHF",
        ("model.lora.rank=8",),
        "model.lora.rank=8",
        "set model.lora.rank=0",
    ),
    refused(
        "ask for micro-batches that the GPUs do not divide",
        ("openrlhf.gpus_per_node=8", "openrlhf.micro_batch_size=128"),
        "512 rollouts",
        "openrlhf.micro_batch_size=128 on 8 GPUs",
        "use openrlhf.micro_batch_size=16 or 32 or 64",
    ),
    refused(
        "share GPUs that are not equally many",
        ("openrlhf.mode=colocated", "openrlhf.gpus_per_node=8"),
        "8 of them for the policy",
        "1 for vLLM",
        "make them equal",
    ),
    Case(
        did="train on pairs with an odd micro-batch on OpenRLHF",
        needs="run",
        words=("dpo", "run", "run_dir=dpo", "engine=openrlhf", "model.dtype=bfloat16", "openrlhf.micro_batch_size=3"),
        code=2,
        says=("openrlhf.micro_batch_size=3", "a pair has two sequences; use an even number"),
    ),
    Case(
        did="train on pairs with OpenRLHF on a machine that lacks its packages",
        needs="run",
        words=("dpo", "run", "run_dir=dpo", "engine=openrlhf", "model.dtype=bfloat16"),
        code=4,
        says=("openrlhf is missing, expected 0.11.2", "deepspeed is missing"),
        theirs=r"(?<=torch is )[^,]+|(?<=transformers is )[^,]+",
    ),
    refused(
        "give a flag in `openrlhf.extra` that a key sets",
        ("openrlhf.extra=[--actor.adam.lr, '1e-5']",),
        "--actor.adam.lr is set by train.learning_rate; use that key",
    ),
    refused(
        "give a flag in `openrlhf.extra` that OpenRLHF does not know",
        ("openrlhf.extra=[--vllm.enforce_eagre]",),
        "--vllm.enforce_eagre is no flag",
        "did you mean --vllm.enforce_eager?",
    ),
    refused(
        "give a flag in `openrlhf.extra` that nothing would read",
        ("openrlhf.extra=[--critic.freezing_steps, '5']",),
        "--critic.freezing_steps has no place here",
        "there is no critic",
    ),
    refused(
        "give a switch in `openrlhf.extra` a value",
        ("openrlhf.extra=[--ds.adam_offload, 'true']",),
        "--ds.adam_offload takes no value, found true",
    ),
    refused(
        "write a truth into `openrlhf.extra`",
        ("openrlhf.extra=[--ds.adam_offload, true]",),
        "openrlhf.extra: found true, but this key does not take true or false",
    ),
    refused(
        "replay rollouts on OpenRLHF with several updates a batch",
        ("replay.rollouts=runs/first", "train.rollouts_per_update=256"),
        "train.rollouts_per_update=256 makes 2 updates of a batch",
        "leave it unset",
    ),
    Case(
        did="ask for a dry run of OpenRLHF on a machine without it",
        words=distributed("model.dtype=bfloat16", "--dry-run"),
        code=4,
        says=("openrlhf is missing, expected 0.11.2", "flash-attn is missing"),
        theirs=r"(?<=torch is )[^,]+|(?<=transformers is )[^,]+",
    ),
    Case(
        did="ask for a dry run with several things wrong for OpenRLHF",
        words=distributed("openrlhf.micro_batch_size=3", "model.path=./none", "--dry-run"),
        code=2,
        says=("model.dtype=float32", "set model.dtype=bfloat16", "and 2 more problems, listed in the report"),
    ),
]
