"""What is left out changes neither loss nor gradient: OpenRLHF's own loss and normalisation, on one rank and on two."""

import itertools

import pytest
import torch

# Advantages of eight rollouts; those of tied groups are 0. The kept rows are never a multiple of what the ranks share.
KEPT = {
    "one pair": (0, 0, 1, -1, 0, 0, 0, 0),
    "three pairs": (1, -1, 0, 0, -1, 1, 1, -1),
    "five rows": (1, -0.5, -0.5, 0.25, 0, 0, -1, 0),
    "every row": (1, -1, 1, -1, -1, 1, 1, -1),
    "none": (0, 0, 0, 0, 0, 0, 0, 0),
}
LENGTHS = (5, 2, 7, 1, 3, 6, 4, 2)
GROUP_SIZE = 2
MICRO_BATCH = 2
VOCABULARY = 11
CASES = list(itertools.product(("sequence_mean", "token_mean"), ("count", "drop"), KEPT))


def policy_and_rows():
    """A table of logits as the policy, and one row of token ids and old logprobs a rollout, off the policy."""
    generator = torch.Generator().manual_seed(0)
    table_VV = torch.randn(VOCABULARY, VOCABULARY, generator=generator)
    ids_BT = torch.randint(VOCABULARY, (len(LENGTHS), max(LENGTHS) + 1), generator=generator)
    mask_BT = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)
    off_BT = 0.4 * torch.randn(mask_BT.shape, generator=generator)
    return table_VV, ids_BT, mask_BT, off_BT


def logps(table_VV, ids_BT):
    return table_VV.log_softmax(-1)[ids_BT[:, :-1]].gather(-1, ids_BT[:, 1:].unsqueeze(-1)).squeeze(-1)


def selection_of(aggregate, ties, kept, ranks, *, may_skip):
    from twogrpo.openrlhf.experience import select

    advantages = KEPT[kept]
    groups = [advantages[start : start + GROUP_SIZE] for start in range(0, len(advantages), GROUP_SIZE)]
    counted = [ties == "count" or any(group) for group in groups for _ in group]
    return select(
        advantages,
        LENGTHS,
        counted,
        multiple=ranks * MICRO_BATCH,
        is_token_mean=aggregate == "token_mean",
        may_skip=may_skip,
    )


def trained(aggregate, ties, kept, *, may_skip, is_scaled=True):
    """Return loss and gradient of one optimizer step of OpenRLHF on the rows of a selection, over every rank."""
    from types import SimpleNamespace

    import torch.distributed as dist
    from openrlhf.models.loss import PolicyLoss
    from openrlhf.utils.loss_utils import iter_grad_accum_global_norm

    ranks, rank = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
    selection = selection_of(aggregate, ties, kept, ranks, may_skip=may_skip)
    scale = selection.scale if is_scaled else 1.0
    real = len(selection.rows) - selection.padding
    scaled = [KEPT[kept][row] * scale for row in selection.rows[:real]] + [0.0] * selection.padding
    table_VV, ids_BT, mask_BT, off_BT = policy_and_rows()
    table_VV.requires_grad_()
    loss_fn = PolicyLoss(token_level_loss=aggregate == "token_mean")
    rows = list(zip(selection.rows, scaled, strict=True))
    share = len(rows) // ranks
    mine = rows[rank * share : (rank + 1) * share]
    micro_batches = [mine[start : start + MICRO_BATCH] for start in range(0, share, MICRO_BATCH)]
    total = torch.zeros(())
    for batch, info in iter_grad_accum_global_norm(
        micro_batches, SimpleNamespace(), len(micro_batches), lambda batch: mask_BT[[row for row, _ in batch]]
    ):
        taken = [row for row, _ in batch]
        new_BT = logps(table_VV, ids_BT[taken])
        advantages_B1 = torch.tensor([advantage for _, advantage in batch]).unsqueeze(1)
        old_BT = new_BT.detach() + off_BT[taken]
        loss, *_ = loss_fn(new_BT, old_BT, advantages_B1 * mask_BT[taken], action_mask=mask_BT[taken].float(), **info)
        # DeepSpeed divides by the number of micro-batches, and averages gradients over the ranks.
        part = loss / len(micro_batches) / ranks
        part.backward()
        total += part.detach()
    if ranks > 1:
        dist.all_reduce(total)
        dist.all_reduce(table_VV.grad)
    return float(total), table_VV.grad


def every_case(rank, ranks, store):
    """Run in a process of its own: every case with and without skipping, and without the scaling."""
    import torch.distributed as dist

    if ranks > 1:
        dist.init_process_group("gloo", init_method=f"file://{store}.init", rank=rank, world_size=ranks)
    results = {
        case: [
            trained(*case, may_skip=True),
            trained(*case, may_skip=False),
            trained(*case, may_skip=True, is_scaled=False),
        ]
        for case in CASES
    }
    if rank == 0:
        torch.save(results, store)


@pytest.fixture(scope="module", params=[1, 2], ids=["one rank", "two ranks"])
def results(request, on_cpu, tmp_path_factory):  # noqa: ARG001  # the processes need its environment
    """Loss and gradient of every case, from as many processes as there are ranks."""
    from torch.multiprocessing import start_processes

    store = tmp_path_factory.mktemp("skipping") / "results.pt"
    start_processes(every_case, (request.param, str(store)), nprocs=request.param, start_method="spawn")
    return torch.load(store)


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_skipping_changes_neither_loss_nor_gradient(results, case):
    (loss, gradient), (whole_loss, whole_gradient), _ = results[case]
    assert loss == pytest.approx(whole_loss, abs=1e-6)
    torch.testing.assert_close(gradient, whole_gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("aggregate", ["sequence_mean", "token_mean"])
def test_the_kept_rows_alone_are_another_denominator(results, aggregate):
    _, (_, whole_gradient), (_, gradient) = results[aggregate, "count", "one pair"]
    assert float((gradient - whole_gradient).abs().max()) > 0.1 * float(whole_gradient.abs().max())


@pytest.mark.parametrize("aggregate", ["sequence_mean", "token_mean"])
def test_dropped_ties_are_the_mean_over_decided_groups(results, aggregate):
    counted, dropped = (results[aggregate, ties, "three pairs"][0][1] for ties in ("count", "drop"))
    weights = LENGTHS if aggregate == "token_mean" else [1] * len(LENGTHS)
    decided = sum(weight for weight, advantage in zip(weights, KEPT["three pairs"], strict=True) if advantage)
    torch.testing.assert_close(dropped, counted * (sum(weights) / decided))


def test_a_batch_of_ties_steps_on_a_gradient_of_zero(results):
    (loss, gradient), _, _ = results["token_mean", "count", "none"]
    assert loss == 0
    assert not gradient.any()


def test_every_rank_gets_equally_many_rows():
    for aggregate, ties, kept in CASES:
        for ranks in (1, 2, 3):
            selection = selection_of(aggregate, ties, kept, ranks, may_skip=True)
            assert len(selection.rows) % (ranks * MICRO_BATCH) == 0
            assert selection.rows


def test_nothing_is_left_out_that_teaches():
    for aggregate, ties, kept in CASES:
        selection = selection_of(aggregate, ties, kept, 2, may_skip=True)
        taught = {row for row, advantage in enumerate(KEPT[kept]) if advantage}
        assert set(selection.rows[: len(selection.rows) - selection.padding]) == taught
