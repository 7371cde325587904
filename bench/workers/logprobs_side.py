"""One side of `bench/logprobs.py`: forward and backward over given hidden states, measured once.

python workers/logprobs_side.py ours|whole WIDTH TOKENS VOCABULARY GRADIENTS.pt
"""

import json
import resource
import sys
import time

import torch
from torch import Tensor, nn

from twogrpo.train.head import LogitsTile, head_values

RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def ours(head: nn.Linear, hidden_NH: Tensor, targets_N: Tensor) -> Tensor:
    """Return logprobs, tile by tile."""
    tile = LogitsTile.of(len(head.weight), is_on_cpu=True)
    return head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=tile)[0]


def whole(head: nn.Linear, hidden_NH: Tensor, targets_N: Tensor) -> Tensor:
    """Return logprobs of all tokens at once."""
    logits_NV: Tensor = head(hidden_NH)
    return logits_NV.gather(1, targets_N[:, None]).squeeze(1) - logits_NV.logsumexp(dim=1)


def peak_bytes() -> int:
    """Return the most memory that the process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES


def main() -> None:
    """Print what the pass took, and save its gradients."""
    side, target = {"ours": ours, "whole": whole}[sys.argv[1]], sys.argv[5]
    width, tokens, vocabulary = map(int, sys.argv[2:5])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    head = nn.Linear(width, vocabulary, bias=False)
    nn.init.normal_(head.weight, std=0.05)
    hidden_NH = torch.randn(tokens, width, requires_grad=True)
    targets_N, weights_N = torch.randint(vocabulary, (tokens,)), torch.randn(tokens)
    side(head, hidden_NH[:16], targets_N[:16]).sum().backward()
    head.weight.grad, hidden_NH.grad = torch.zeros_like(head.weight), torch.zeros_like(hidden_NH)
    side(head, hidden_NH[:16], targets_N[:16]).sum().backward()
    head.weight.grad.zero_()
    hidden_NH.grad.zero_()
    before, cpu, wall = peak_bytes(), time.process_time(), time.perf_counter()
    (side(head, hidden_NH, targets_N) * weights_N).sum().backward()
    report = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    report["extra_mb"] = (peak_bytes() - before) / 1e6
    torch.save({"hidden": hidden_NH.grad, "weight": head.weight.grad[::97].clone()}, target)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
