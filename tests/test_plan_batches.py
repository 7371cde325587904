import os
import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from twogrpo.errors import ConfigError, DataError
from twogrpo.pairs import plan_batches


def items(lengths, **columns):
    frame = pl.DataFrame({"item_id": range(len(lengths)), "length": lengths})
    return frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def planned(plan):
    return sorted(plan.table["item_id"].to_list())


def test_every_item_once_under_the_budget():
    lengths = [10, 20, 30, 40, 50, 60]
    plan = plan_batches(items(lengths), token_budget=64)
    assert planned(plan) == [0, 1, 2, 3, 4, 5]
    assert all(sum(lengths[item] for item in batch) <= 64 for batch in plan.micro_batches(0))


def test_items_of_zero_advantage_are_skipped_and_counted():
    plan = plan_batches(items([10, 20, 30], advantage=[1.0, 0.0, -1.0]), token_budget=64)
    assert planned(plan) == [0, 2]
    assert plan.denominators.row(0, named=True) == {
        "optimizer_step": 0,
        "rollouts": 3,
        "tokens": 60,
        "skipped_rollouts": 1,
        "skipped_tokens": 20,
        "dropped_rollouts": 0,
        "micro_batches": 1,
    }


def test_loss_tokens_are_what_the_denominator_counts():
    plan = plan_batches(items([10, 20], loss_tokens=[4, 5]), token_budget=64)
    assert plan.denominators["tokens"].to_list() == [9]


def test_a_step_of_ties_only_exists_and_is_empty():
    plan = plan_batches(items([10, 20], advantage=[0.0, 0.0]), token_budget=64)
    assert plan.steps == 1
    assert plan.micro_batches(0) == []


def test_steps_hold_whole_pairs():
    plan = plan_batches(items([8] * 12, pair_id=[n // 2 for n in range(12)]), token_budget=64, rollouts_per_step=4)
    assert plan.steps == 3
    for step in range(3):
        pairs = [item // 2 for batch in plan.micro_batches(step) for item in batch]
        assert len(pairs) == 4
        assert all(pairs.count(pair) == 2 for pair in pairs)


def test_the_last_step_may_be_smaller():
    plan = plan_batches(items([8] * 7), token_budget=64, rollouts_per_step=3)
    assert plan.denominators["rollouts"].to_list() == [3, 3, 1]


def test_ranks_get_as_many_micro_batches():
    plan = plan_batches(items([30] * 10), token_budget=64, ranks=3)
    assert {len(plan.micro_batches(0, rank)) for rank in range(3)} == {2}
    assert planned(plan) == list(range(10))


def test_a_plan_is_repeated_and_resumed_by_its_hash():
    def make(epoch):
        lengths = list(range(1, 60))
        return plan_batches(items(lengths), token_budget=64, rollouts_per_step=8, seed=5, epoch=epoch)

    assert make(0).hash == make(0).hash
    assert make(0).table.equals(make(0).table)
    assert make(0).hash != make(1).hash


def test_another_number_of_ranks_goes_on_with_the_same_steps():
    frame = items([1 + n * 37 % 60 for n in range(300)], pair_id=[n // 2 for n in range(300)])
    one, four = (plan_batches(frame, token_budget=64, rollouts_per_step=20, ranks=ranks) for ranks in (1, 4))
    assert one.hash != four.hash
    assert one.steps_hash == four.steps_hash
    for step in range(one.steps):
        whole = [item for batch in one.micro_batches(step) for item in batch]
        split = [item for rank in range(4) for batch in four.micro_batches(step, rank) for item in batch]
        assert sorted(whole) == sorted(split)


def test_the_hash_of_the_steps_tells_seeds_items_and_denominators_apart():
    frame = items([10] * 40)
    changed = (
        {"seed": 1},
        {"epoch": 1},
        {"rollouts_per_step": 4},
        {"items": items([11] * 40)},
        {"items": frame.with_columns(item_id=pl.col("item_id") + 1)},
    )
    plans = [
        plan_batches(**{"items": frame, "token_budget": 64, "rollouts_per_step": 8, **new}) for new in ({}, *changed)
    ]
    assert len({plan.steps_hash for plan in plans}) == len(plans)


def test_a_plan_does_not_depend_on_threads(tmp_path):
    frame = items([1 + n * 37 % 101 for n in range(400)])
    frame.write_parquet(tmp_path / "items.parquet")
    code = (
        "import sys, polars as pl; from twogrpo import plan_batches;"
        "print(plan_batches(pl.scan_parquet(sys.argv[1]), token_budget=128, rollouts_per_step=50).hash)"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / "items.parquet"],
            env={**os.environ, "POLARS_MAX_THREADS": threads, "TWOGRPO_NUM_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for threads in ("1", "3")
    }
    assert hashes == {plan_batches(frame, token_budget=128, rollouts_per_step=50).hash}


def test_pyarrow_and_lazy_frames_are_read():
    frame = items([10, 20])
    hashes = {plan_batches(source, token_budget=64).hash for source in (frame, frame.lazy(), pa.table(frame))}
    assert len(hashes) == 1


def test_too_long_is_an_error_or_dropped_with_its_pair():
    long = items([10, 65, 20], pair_id=[7, 7, 8])
    with pytest.raises(DataError, match="item 1 has 65 tokens, more than token_budget=64"):
        plan_batches(long, token_budget=64)
    plan = plan_batches(long, token_budget=64, oversize="drop")
    assert planned(plan) == [2]
    assert plan.denominators["dropped_rollouts"].to_list() == [2]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("token_budget", 0, "1 to 2^64 - 1"),
        ("ranks", 0, "1 to 65,536"),
        ("ranks", 65_537, "1 to 65,536"),
        ("ranks", 2**62, "1 to 65,536"),
        ("ranks", 2**64, "1 to 65,536"),
        ("rollouts_per_step", 0, "1 to 2^64 - 1, or None for all of them"),
        ("rollouts_per_step", 2**64, "1 to 2^64 - 1, or None for all of them"),
        ("epoch", -1, "0 to 2^64 - 1"),
        ("epoch", 2**64, "0 to 2^64 - 1"),
    ],
)
def test_numbers_out_of_range_are_named(name, value, expected):
    with pytest.raises(ConfigError) as raised:
        plan_batches(items([1]), **{"token_budget": 64, name: value})
    assert str(raised.value) == f"{name}={value} is out of range; expected {expected}"


def test_a_number_too_long_to_write_out_is_named_by_its_size():
    with pytest.raises(ConfigError, match=r"epoch=\(a number of 16610 bits\) is out of range"):
        plan_batches(items([1]), token_budget=64, epoch=10**5000)


@pytest.mark.parametrize("name", ["token_budget", "ranks", "rollouts_per_step", "epoch", "seed"])
@pytest.mark.parametrize("value", ["8", 8.5])
def test_what_is_no_whole_number_is_named(name, value):
    with pytest.raises(ConfigError, match=f"{name} is of type {type(value).__name__}; expected a whole number"):
        plan_batches(items([1]), **{"token_budget": 64, name: value})


@pytest.mark.parametrize(
    ("oversize", "message"),
    [("keep", "oversize=keep is unknown; use error or drop"), (None, "oversize is of type NoneType; expected error")],
)
def test_an_unknown_oversize_is_named(oversize, message):
    with pytest.raises(ConfigError, match=message):
        plan_batches(items([1]), token_budget=64, oversize=oversize)


def test_ranks_with_nothing_to_do_in_most_steps_are_refused():
    with pytest.raises(ConfigError, match=r"ranks=65536 over 300 optimizer steps is out of range"):
        plan_batches(items([1] * 300), token_budget=64, ranks=65_536, rollouts_per_step=1)


def test_numbers_of_numpy_are_numbers():
    frame = items(list(range(1, 60)))
    options = {"token_budget": 64, "rollouts_per_step": 8, "ranks": 2, "seed": 5, "epoch": 1}
    of_numpy = {name: np.int64(value) for name, value in options.items()}
    assert plan_batches(frame, **of_numpy).hash == plan_batches(frame, **options).hash


@pytest.mark.parametrize("advantage", [["1.0", "0.0"], [[1.0], [0.0]], [{"a": 1.0}, {"a": 0.0}]])
def test_an_advantage_that_is_no_number_is_bad_data(advantage):
    with pytest.raises(DataError, match=r"items have an advantage of type \w+.*; expected numbers"):
        plan_batches(items([1, 2], advantage=advantage), token_budget=64)


def test_columns_missing_or_null_are_named():
    with pytest.raises(DataError, match="items lack length; columns found: item_id"):
        plan_batches(items([1]).drop("length"), token_budget=64)
    with pytest.raises(DataError, match="items have 1 rows without length"):
        plan_batches(items([1, None]), token_budget=64)


def test_a_length_below_zero_is_bad_data():
    with pytest.raises(DataError, match="items have a column of the wrong type or range"):
        plan_batches(items([1, -2]), token_budget=64)


def test_a_pair_needs_a_step_that_holds_it():
    with pytest.raises(ConfigError, match="more than rollouts_per_step=1; use at least 2"):
        plan_batches(items([1, 2], pair_id=[5, 5]), token_budget=64, rollouts_per_step=1)


def test_a_step_is_found_in_a_long_plan():
    lengths = [1 + n % 7 for n in range(500)]
    plan = plan_batches(items(lengths), token_budget=16, rollouts_per_step=10, ranks=2)
    found = [
        item for step in range(50) for rank in range(2) for batch in plan.micro_batches(step, rank) for item in batch
    ]
    assert found == plan.table["item_id"].to_list()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"step": 2}, "step=2 is not in the plan, which has 2; expected 0 to 1"),
        ({"step": -1}, "step=-1 is not in the plan"),
        ({"step": 0, "rank": 3}, "rank=3 is not in the plan, which has 3; expected 0 to 2"),
        ({"step": 0, "rank": -1}, "rank=-1 is not in the plan"),
    ],
)
def test_a_place_that_is_not_in_the_plan_is_an_error(place, message):
    plan = plan_batches(items([1, 1]), token_budget=16, rollouts_per_step=1, ranks=3)
    with pytest.raises(IndexError, match=message):
        plan.micro_batches(**place)


def test_a_rank_with_nothing_to_do_has_empty_micro_batches():
    assert plan_batches(items([1]), token_budget=16, ranks=2).micro_batches(0, rank=1) == [[]]


def test_a_plan_is_the_same_on_every_machine():
    lengths = [1 + n * 37 % 101 for n in range(400)]
    plan = plan_batches(items(lengths), token_budget=128, rollouts_per_step=50, ranks=2, seed=7, epoch=3)
    assert plan.hash == "9b9397e38ba04082"


def test_without_a_step_size_the_seed_has_no_say():
    frame = items(list(range(1, 60)))
    assert len({plan_batches(frame, token_budget=64, seed=seed).hash for seed in range(3)}) == 1


def test_the_same_item_twice_is_named():
    with pytest.raises(DataError, match="item_id 0 occurs more than once"):
        plan_batches(items([1, 2]).with_columns(item_id=pl.lit(0)), token_budget=64)
