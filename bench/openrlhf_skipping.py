"""What skipping ties saves of a training step in the real OpenRLHF: old logprobs, forward, backward and optimizer step.

One launch on the CPU, by the harness of `tests/openrlhf` and in its environment (`make openrlhf-env`). The share of
tied groups goes through the rates in turns; where nothing is tied, every rollout is forwarded, which is what OpenRLHF
does with ties as well. Wall times of the steps as OpenRLHF reports them: the work is spread over processes.

    .venv-openrlhf/bin/python bench/openrlhf_skipping.py [--quick] [--json]
"""

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import REPOSITORY, Row, add_options, compare, publish

sys.path.insert(0, str(REPOSITORY))
# Rates of real runs: about a half at the start, 0.9 and more towards the end (bench/results/demo.json).
RATES = (0.0, 0.5, 0.75, 0.9)
PROMPTS, NEW_TOKENS, MICRO_BATCH = 20, 48, 4
SHAPES = {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256}

REWARD = f"""
import itertools, threading
from collections import defaultdict

RATES, PROMPTS = {RATES!r}, {PROMPTS}
CALLS, GROUPS, SEEN, LOCK = itertools.count(), defaultdict(dict), set(), threading.Lock()

def at_rate(prompts, responses, golds):
    with LOCK:
        step = next(CALLS) // (2 * PROMPTS)
        group = GROUPS[step].setdefault(prompts[0], len(GROUPS[step]))
        is_second = (step, group) in SEEN
        SEEN.add((step, group))
    is_tied = group < round(RATES[step % len(RATES)] * PROMPTS)
    return [1.0 if is_tied else float(is_second)]
"""


def main() -> None:
    """Measure, print and keep."""
    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    options = parser.parse_args()
    rounds = 2 if options.quick else 5
    rows = _measure(rounds)
    publish("openrlhf_skipping", _rows(rows), options, details={"steps": rows, "rates": RATES})


def _measure(rounds: int) -> list[dict[str, Any]]:
    """Return the metrics of every step but those of the first round."""
    from tests.openrlhf.harness import Launch

    with TemporaryDirectory(prefix="bench-openrlhf-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "twogrpo", *_words(folder, len(RATES) * (rounds + 1))]
        # From the checkout, also where another twogrpo is installed.
        path = f"{REPOSITORY / 'tests' / 'openrlhf' / 'cpu'}{os.pathsep}{REPOSITORY / 'python'}"
        launch = Launch(command, with_ray=True, env={"PYTHONPATH": path})
        try:
            outcome = launch.wait(3600)
        finally:
            launch.end()
        if outcome.code:
            sys.exit(outcome.tail)
        lines = (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines][len(RATES) :]


def _words(folder: Path, steps: int) -> list[str]:
    """Return the command line, with model, problems and reward made in the folder."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from twogrpo.tiny.task import problems
    from twogrpo.tiny.tokenizer import build_tokenizer

    tokenizer = build_tokenizer()
    ids = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    torch.manual_seed(0)
    Qwen2ForCausalLM(Qwen2Config(**SHAPES, **HEADS, **ids)).to(torch.bfloat16).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    lines = [json.dumps({"problem": each.question, "answer": str(each.answer)}) for each in problems("train", seed=0)]
    (folder / "problems.jsonl").write_text("\n".join(dict.fromkeys(lines)) + "\n", encoding="utf-8")
    (folder / "rewards.py").write_text(REWARD, encoding="utf-8")
    return [
        "online",
        "engine=openrlhf",
        f"run_dir={folder / 'run'}",
        f"model.path={folder / 'model'}",
        "model.dtype=bfloat16",
        f"data.path={folder / 'problems.jsonl'}",
        "data.template=none",
        f"reward.function={folder / 'rewards.py'}:at_rate",
        f"rollout.prompts_per_step={PROMPTS}",
        f"rollout.max_new_tokens={NEW_TOKENS}",
        f"train.steps={steps}",
        "train.learning_rate=1e-6",
        "checkpoint.every_steps=0",
        f"openrlhf.micro_batch_size={MICRO_BATCH}",
        "openrlhf.attention=eager",
        "openrlhf.vllm_memory_share=0.1",
        "openrlhf.extra=[--vllm.sync_backend,gloo,--vllm.enforce_eager]",
    ]


def _rows(steps: list[dict[str, Any]]) -> list[Row]:
    """Return a row a rate, beside the steps in which nothing could be skipped."""

    def seconds(rate: float) -> list[float]:
        return [s["make_experience_s"] + s["train_s"] for s in steps if abs(s["tied_share"] - rate) < 1e-6]

    whole = seconds(0.0)
    return [
        compare(
            f"wall time of a training step, {rate:.0%} of the groups tied",
            "s",
            seconds(rate),
            whole,
            peer_name="every rollout forwarded",
        )
        for rate in RATES[1:]
    ]


if __name__ == "__main__":
    main()
