"""Sampling: tokens per CPU-second of the builtin generator beside `model.generate` of transformers.

Both sample from the same untrained Qwen2 of the embedded default's size, on one thread, with the same prompts and end
tokens, in turns. The peer is asked for tokens alone; ours returns each token's logprob as well.

    python bench/generate.py [--quick] [--json]
"""

import argparse
import os
from typing import TYPE_CHECKING, NamedTuple

from harness import Row, Timing, add_options, compare, interleave, measure, publish

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from twogrpo.generate import BuiltinGenerator

# Read when torch is loaded: spinning threads would count as CPU time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")

VOCABULARY, MAX_NEW_TOKENS, GROUP_SIZE = 280, 48, 2
# Ten end tokens of 280: an untrained model, close to uniform, ends after 28 tokens in the mean.
STOPS = frozenset(range(2, 12))
# Rows, and the least ratio aimed for: a large batch, and one step of the embedded default.
ROWS: dict[int, float | None] = {512: 3.0, 258: None}
SEED = 0


class Sampled(NamedTuple):
    """What one call produced, and what it took."""

    tokens: int
    timing: Timing


def main() -> None:
    """Run the bench, print its table, and keep its result."""
    import torch
    import transformers

    options = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])).parse_args()
    torch.set_num_threads(1)
    peer_name = f"transformers {transformers.__version__} model.generate"
    repeats = 2 if options.quick else 7
    rows = [row for count, goal in ROWS.items() for row in compare_at(count, goal, repeats, peer_name)]
    publish("generate", rows, options)


def compare_at(rows: int, goal: float | None, repeats: int, peer_name: str) -> list[Row]:
    """Return tokens per CPU-second and per second at so many rows."""
    from twogrpo.generate import BuiltinGenerator

    model = tiny_model()
    prompts = tiny_prompts(rows // GROUP_SIZE)
    generator = BuiltinGenerator(model, STOPS)
    sides = {"ours": lambda: sample_ours(generator, prompts), "peer": lambda: sample_peer(model, prompts)}
    # The first round warms up.
    taken = {name: results[1:] for name, results in interleave(sides, repeats + 1).items()}
    cpu = {name: [result.tokens / result.timing.cpu_s for result in results] for name, results in taken.items()}
    wall = {name: [result.tokens / result.timing.wall_s for result in results] for name, results in taken.items()}
    what = f"sampling {rows} rows of at most {MAX_NEW_TOKENS} tokens"
    return [
        compare(what, "tokens/CPU-s", **cpu, peer_name=peer_name, better="higher", goal=goal),
        compare(what, "tokens/s", **wall, peer_name=peer_name, better="higher"),
    ]


def sample_ours(generator: "BuiltinGenerator", prompts: list[list[int]]) -> Sampled:
    """Sample with the builtin generator."""
    from twogrpo.generate import SamplingParams

    responses: list[list[int]] = []

    def run() -> None:
        params = SamplingParams(MAX_NEW_TOKENS)
        responses.extend(generator.generate(prompts, group_size=GROUP_SIZE, params=params, seed=SEED).response_ids)

    timing = measure(run)
    return Sampled(sum(map(len, responses)), timing)


def sample_peer(model: "PreTrainedModel", prompts: list[list[int]]) -> Sampled:
    """Sample with `model.generate`, left-padded, each prompt repeated for its group."""
    import torch

    longest = max(map(len, prompts))
    rows = [prompt for prompt in prompts for _ in range(GROUP_SIZE)]
    ids_BT = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    mask_BT = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    sequences: list[torch.Tensor] = []

    def run() -> None:
        torch.manual_seed(SEED)
        sampled = model.generate(
            ids_BT,
            attention_mask=mask_BT,
            do_sample=True,
            top_k=0,
            max_new_tokens=MAX_NEW_TOKENS,
            eos_token_id=sorted(STOPS),
            pad_token_id=0,
        )
        sequences.append(sampled)

    timing = measure(run)
    is_stop_BT = torch.isin(sequences[0][:, longest:], torch.tensor(sorted(STOPS)))
    # A token counts if no end token came before it.
    return Sampled(int((is_stop_BT.cumsum(1) - is_stop_BT.int() == 0).sum()), timing)


def tiny_model() -> "PreTrainedModel":
    """Return an untrained Qwen2 with the sizes of the embedded default."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(SEED)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.04,
    )
    return Qwen2ForCausalLM(config).eval()


def tiny_prompts(count: int) -> list[list[int]]:
    """Return random prompts of 14 to 24 tokens."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    lengths = torch.randint(14, 25, (count,), generator=generator).tolist()
    return [torch.randint(20, VOCABULARY, (length,), generator=generator).tolist() for length in lengths]


if __name__ == "__main__":
    main()
