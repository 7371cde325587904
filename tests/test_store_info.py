import polars as pl
import pytest

from twogrpo import RolloutStore


def rows(*groups, first=0, **more):
    """Return groups of the rewards given."""
    return pl.DataFrame(
        [
            {"group_id": first + group, "rollout_idx": member, "reward": reward, "prompt": "p", "response": "r", **more}
            for group, rewards in enumerate(groups)
            for member, reward in enumerate(rewards)
        ],
        schema_overrides={"reward": pl.Float32},
    )


@pytest.fixture
def store(tmp_path):
    return lambda **names: RolloutStore.open(tmp_path / "store", **names)


def test_groups_are_counted_by_the_share_that_is_right(store):
    with store(run_id="r") as writer:
        writer.append(rows((1, 0), (1, 1), (0, 0), (1, None)), 0)
        writer.append(rows((0, 1), first=4), 1)
    info = store().info()
    assert info.pass_rates == {"0": 1, "1/2": 2, "1": 1}
    assert (info.groups, info.tie_rate, info.failed_share) == (5, 0.5, 0.1)


def test_a_verdict_says_what_is_right_whatever_the_reward(store):
    with store(run_id="r") as writer:
        writer.append(rows((-1.0, 0.5)).with_columns(correct=pl.Series([True, False])), 0)
    assert store().info().pass_rates == {"1/2": 1}


def test_many_shares_are_rounded_to_tenths(store):
    with store(run_id="r") as writer:
        writer.append(rows(*((1,) * right + (0,) * (32 - right) for right in range(33))), 0)
    rates = store().info().pass_rates
    assert list(rates) == [str(tenth / 10) for tenth in range(11)]
    assert sum(rates.values()) == 33


def test_the_part_of_a_run_that_is_not_trained_on_counts_in_rows_alone(store):
    with store(run_id="r") as writer:
        writer.append(rows((1, 0)), 0)
        writer.append(rows((1, 1, 1)), 0, phase="eval")
    info = store().info()
    assert info.phases == {"eval": 3, "train": 2}
    assert info.mean_rewards == {"eval": 1.0, "train": 0.5}
    assert (info.groups, info.mean_reward, info.steps) == (1, 0.5, 1)


def test_imported_rollouts_are_trained_on(store):
    with store(run_id="r") as writer:
        writer.append(rows((1, 0)), 0, phase="imported")
    assert (store().info().groups, store().info().tie_rate) == (1, 0.0)


def test_policies_are_named_by_run(store):
    with store(run_id="a") as writer:
        writer.append(rows((1, 0), model_id="m", policy_version=3, policy_version_max=5), 0)
        writer.append(rows((1, 0), model_id="n", policy_version=1), 1)
    with store(run_id="b") as writer:
        writer.append(rows((1, 0)), 0)
    info = store().info()
    assert (info.policies["a"].models, info.policies["a"].first_version, info.policies["a"].last_version) == (
        ("m", "n"),
        1,
        5,
    )
    assert info.policies["b"].first_version is None
    assert (info.runs, info.attempts, info.steps) == (("a", "b"), {"a": 1, "b": 1}, 3)


def test_shares_are_those_of_the_rows_that_say_so(store):
    with store(run_id="r") as writer:
        writer.append(rows((1, 0), (1, 0), is_inert=True, finish_reason="length"), 0)
        writer.append(rows((1, 0), (1, 0), first=2, is_inert=False, finish_reason="stop"), 1)
        writer.append(rows((1, 0), first=4), 2)
    info = store().info()
    assert (info.inert_share, info.cut_share, info.failed_share) == (0.5, 0.5, 0.0)


def test_an_empty_store_has_no_shares(store):
    with store(run_id="r"):
        pass
    info = store().info()
    assert (info.rows, info.tie_rate, info.failed_share, info.bytes_per_rollout) == (0, None, None, None)
    assert (info.pass_rates, info.policies) == ({}, {})


def test_parts_do_not_change_what_is_counted(store, monkeypatch):
    with store(run_id="r") as writer:
        for step in range(5):
            writer.append(rows((1, 0), (1, 1), first=2 * step), step)
            writer.append(rows((1, 0)), step, phase="eval")
    whole = store().info()
    monkeypatch.setattr("twogrpo.store_segments._PART_FILES", 1)
    assert store().info() == whole
