"""One online step of a model of half a billion parameters on a GPU, beside TRL's GRPOTrainer: tokens/s, MFU, memory.

Random weights in the shape of Qwen2.5-0.5B, float32 under bfloat16 autocast on both sides, activations computed again
in the backward pass, two responses a prompt that run to the limit, and a reward that ties no group: every rollout is
trained on. Ours samples with its builtin generator and, as always in bfloat16, recomputes pi_old; TRL samples with
transformers' `generate`. Both stay loaded and take their steps in turns.

Model FLOP utilisation counts the tokens of the responses alone, two operations a weight forward and six in training
with attention added, over the peak of dense bfloat16: what is computed for prompts, or again, does not count.

    python bench/gpu.py [--quick] [--json] [--peer-python PYTHON] [--peak-tflops N]
"""

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import Row, Worker, add_options, compare, publish

WORKERS = Path(__file__).resolve().parent / "workers"
TRL = "1.16.0"
PEER = f"TRL {TRL} GRPOTrainer"
WARM_UP_STEPS = 2
# A CPU is there for a try only; it may have no kernels for bfloat16 either, and takes float32.
VOCABULARY, SMALL_VOCABULARY = 151_936, 1024
# Two hundred letters: a token for each two, and the room that is left for each response.
PROMPT_TOKENS = 100
# Dense bfloat16, from NVIDIA's data sheets.
PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0, "RTX 4090": 165.0}


def main() -> None:
    """Measure, print and keep."""
    import torch

    parser = add_options(argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]))
    parser.add_argument("--peer-python", default=sys.executable, help=f"interpreter of an environment with trl=={TRL}")
    parser.add_argument("--peak-tflops", type=float, help="of dense bfloat16; known for some devices by their name")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="cpu only with --quick")
    options = parser.parse_args()
    if options.device == "cpu" and not options.quick:
        sys.exit("a result is made on a GPU; --device cpu --quick shows that the bench runs")
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device; --device cpu --quick shows that the bench runs")
    name = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    peak = options.peak_tflops or next((peak for part, peak in PEAK_TFLOPS.items() if part in name), None)
    sizes = {"layers": 24, "prompts": 64, "response_tokens": 1024, "micro_batch": 16, "steps": 10}
    if options.quick:
        sizes = {"layers": 2, "prompts": 2, "response_tokens": 8, "micro_batch": 4, "steps": 2}
    sizes["vocabulary"] = SMALL_VOCABULARY if options.device == "cpu" else VOCABULARY
    ours, peer, shape = _measure(options, sizes)
    details = {"device": name, "peak_tflops": peak, **sizes, **shape, "steps_taken": {"ours": ours, "peer": peer}}
    publish("gpu", _rows(ours, peer, shape, sizes, peak), options, packages=("trl",), details=details)


Reports = list[dict[str, float]]


def _measure(options: argparse.Namespace, sizes: dict[str, int]) -> tuple[Reports, Reports, dict[str, int]]:
    """Return the reports of both sides without the warm-up, and the model's sizes."""
    sys.path.append(str(WORKERS))
    from gpu_material import write_model, write_problems

    steps = WARM_UP_STEPS + sizes["steps"]
    with TemporaryDirectory(prefix="bench-gpu-") as name, ExitStack() as stack:
        folder = Path(name)
        shape = write_model(folder / "model", sizes["layers"], sizes["vocabulary"])
        write_problems(folder / "problems.jsonl", steps * sizes["prompts"])
        commands = {"ours": _our_command(options, folder, sizes), "peer": _peer_command(options, folder, sizes)}
        workers = {
            side: stack.enter_context(Worker(command, folder / f"{side}.log", _environment()))
            for side, command in commands.items()
        }
        reports: dict[str, Reports] = {side: [] for side in workers}
        for step in range(steps):
            for side in list(workers)[:: -1 if step % 2 else 1]:
                reports[side].append(workers[side].step())
    return reports["ours"][WARM_UP_STEPS:], reports["peer"][WARM_UP_STEPS:], shape


def _our_command(options: argparse.Namespace, folder: Path, sizes: dict[str, int]) -> list[str]:
    keys = {
        "model.path": folder / "model",
        "model.dtype": "bfloat16" if options.device == "cuda" else "float32",
        "model.device": options.device,
        "model.gradient_checkpointing": "true",
        "data.path": folder / "problems.jsonl",
        "data.template": "none",
        "reward.function": f"{WORKERS / 'gpu_material.py'}:reward",
        "rollout.prompts_per_step": sizes["prompts"],
        "rollout.max_new_tokens": sizes["response_tokens"],
        "rollout.backend": "builtin",
        "train.steps": WARM_UP_STEPS + sizes["steps"],
        "train.learning_rate": 1e-6,
        "train.token_budget": sizes["micro_batch"] * (PROMPT_TOKENS + sizes["response_tokens"]),
        "checkpoint.every_steps": 0,
        "run_dir": folder / "ours",
    }
    return [sys.executable, str(WORKERS / "gpu_twogrpo.py"), *(f"{name}={value}" for name, value in keys.items())]


def _peer_command(options: argparse.Namespace, folder: Path, sizes: dict[str, int]) -> list[str]:
    flags = {
        "folder": folder,
        "device": options.device,
        "steps": WARM_UP_STEPS + sizes["steps"],
        "prompts": sizes["prompts"],
        "response-tokens": sizes["response_tokens"],
        "micro-batch": sizes["micro_batch"],
    }
    words = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    return [options.peer_python, str(WORKERS / "gpu_trl.py"), *words]


def _environment() -> dict[str, str]:
    import twogrpo

    package = str(Path(twogrpo.__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": f"{package}:{WORKERS}", "OMP_WAIT_POLICY": "PASSIVE"}


def _rows(ours: Reports, peer: Reports, shape: dict[str, int], sizes: dict[str, int], peak: float | None) -> list[Row]:
    def row(what: str, unit: str, of: str, scale: float | None = None) -> Row:
        sides = [[report["tokens"] / report[of] * (scale or 1.0) for report in side] for side in (ours, peer)]
        return compare(what, unit, *sides, peer_name=PEER, better="higher")

    # Queries by keys and weights by values, over half of the response in the mean.
    seen = PROMPT_TOKENS + sizes["response_tokens"] / 2
    forward = 2 * shape["parameters"] + 4 * shape["layers"] * shape["hidden"] * seen
    # A try on a CPU has the process's memory alone.
    memory = "device_memory_mb" if ours[0]["device_memory_mb"] else "peak_memory_mb"
    rows = [
        row("generation", "tokens/s", "generate_s"),
        row("training", "tokens/s", "train_s"),
        row("the whole step", "tokens/s", "wall_s"),
        compare(
            "peak memory",
            "MB",
            [report[memory] for report in ours],
            [report[memory] for report in peer],
            peer_name=PEER,
        ),
    ]
    if peak is not None:
        share = 100 * forward / (peak * 1e12)
        rows.append(row("model FLOP utilisation of generation", "%", "generate_s", share))
        rows.append(row("model FLOP utilisation of training", "%", "train_s", 3 * share))
    return rows


if __name__ == "__main__":
    main()
