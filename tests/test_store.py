"""The store from Python: what is appended is read back by polars and pyarrow, whatever dies on the way."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.dataset
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from twogrpo import ConfigError, DataError, RolloutStore, StoreError


def rollouts(step: int = 0, prompts: int = 4) -> pl.DataFrame:
    """Two rollouts a prompt, one of them right, as a trainer hands them over."""
    count = 2 * prompts
    return pl.DataFrame(
        {
            "group_id": [step * prompts + row // 2 for row in range(count)],
            "rollout_idx": [row % 2 for row in range(count)],
            "prompt": [f"{row // 2}+{step}" for row in range(count)],
            "response": [f"it is {row}" for row in range(count)],
            "response_ids": [list(range(row, 2 * row + 1)) for row in range(count)],
            "logprobs": [[-0.25 * (token + 1) for token in range(row + 1)] for row in range(count)],
            "reward": [float(row % 2) for row in range(count)],
        }
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rollouts"


def write(path: Path, steps: range, **options: object) -> None:
    with RolloutStore.open(path, run_id="r", **options) as store:
        for step in steps:
            store.append(rollouts(step), step)


def stored_steps(path: Path) -> list[int]:
    return RolloutStore.open(path).scan().select(pl.col("step").unique().sort()).collect()["step"].to_list()


def test_what_is_appended_is_scanned(path):
    write(path, range(1))
    scanned = RolloutStore.open(path).scan().select(rollouts().columns).collect()
    assert_frame_equal(scanned, rollouts(), check_dtypes=False)


def test_rows_are_stored_in_the_order_of_group_and_member(path):
    with RolloutStore.open(path, run_id="r") as store:
        store.append(rollouts().reverse(), 0)
    assert_frame_equal(RolloutStore.open(path).scan().select("prompt").collect(), rollouts().select("prompt"))


def test_identity_lengths_and_sums_are_filled_in(path):
    write(path, range(1))
    first = RolloutStore.open(path).scan().collect().row(1, named=True)
    assert (first["run"], first["run_id"], first["writer"], first["phase"]) == ("r", "r", "w0", "train")
    assert (first["attempt"], first["step"], first["response_len"], first["logprob_sum"]) == (1, 0, 2, -0.75)
    assert first["rollout_id"] >= 0
    assert len(first["prompt_id"]) == 32


def test_rollout_ids_are_unique_across_attempts(path):
    write(path, range(3))
    write(path, range(1, 3), resume_step=0)
    ids = RolloutStore.open(path).scan(include_superseded=True).select("rollout_id").collect()
    assert ids["rollout_id"].n_unique() == ids.height == 5 * 8


def test_pyarrow_reads_the_glob(path):
    write(path, range(2))
    files = sorted(str(file) for file in path.glob("run=*/*.parquet"))
    table = pyarrow.dataset.dataset(files, partitioning=None).to_table()
    scanned = RolloutStore.open(path).scan().drop("run").collect()
    assert_frame_equal(pl.DataFrame(table), scanned)


def test_the_footer_tells_where_a_segment_belongs(path):
    write(path, range(1), metadata={"config_hash": "abc"})
    metadata = pyarrow.parquet.read_metadata(next(path.glob("run=*/*.parquet"))).metadata
    kept = {key.decode(): value.decode() for key, value in metadata.items() if key.startswith(b"twogrpo.")}
    assert kept["twogrpo.config_hash"] == "abc"
    assert (kept["twogrpo.run_id"], kept["twogrpo.step"], kept["twogrpo.rows"]) == ("r", "0", "8")


def test_an_empty_store_scans_as_an_empty_frame_of_the_schema(path):
    with RolloutStore.open(path, run_id="r") as store:
        empty = store.scan().collect()
        store.append(rollouts(), 0)
        store.flush()
        assert empty.height == 0
        assert empty.schema == store.scan().collect_schema()


def test_a_score_that_only_later_steps_have_is_null_before(path):
    with RolloutStore.open(path, run_id="r") as store:
        store.append(rollouts(0), 0)
        store.append(rollouts(1).with_columns(reward_format=1.0), 1)
        store.flush()
        scores = store.scan().group_by("step").agg(pl.col("reward_format").sum()).sort("step").collect()
    assert scores["reward_format"].to_list() == [0.0, 8.0]


def test_float16_and_float32_segments_scan_together(path):
    write(path, range(1))
    with RolloutStore.open(path, run_id="half", logprob_dtype="float16") as store:
        store.append(rollouts(), 0)
    scanned = RolloutStore.open(path).scan().select("run", "logprobs").collect()
    halves = scanned.partition_by("run", include_key=False)
    assert_frame_equal(halves[0], halves[1])


def test_bfloat16_logprobs_are_refused_with_the_reason(path):
    with pytest.raises(ConfigError, match=r"'bfloat16' is not offered, which would put ratios off by up to 6.4 %"):
        RolloutStore.open(path, run_id="r", logprob_dtype="bfloat16")
    assert not path.exists()


def test_resume_keeps_the_trajectory_and_sets_the_rest_apart(path):
    write(path, range(4))
    with RolloutStore.open(path, run_id="r", resume_step=1) as store:
        assert store.attempt == 2
        store.append(rollouts(2).with_columns(reward=pl.lit(0.5)), 2)
        store.flush()
        attempts = store.scan().select("step", "attempt").unique().sort("step").collect()
        assert attempts.rows() == [(0, 1), (1, 1), (2, 2)]
        superseded = store.scan(include_superseded=True).filter("is_superseded").collect()
        assert superseded["step"].unique().sort().to_list() == [2, 3]
        assert store.info().superseded_rows == 16


def test_a_run_goes_on_with_its_attempt(path):
    write(path, range(2))
    write(path, range(1, 2), resume_step=0)
    with RolloutStore.open(path, run_id="r") as store:
        assert store.attempt == 2


def test_appending_again_is_no_error_and_other_rows_are(path):
    write(path, range(1))
    with RolloutStore.open(path, run_id="r") as store:
        store.append(rollouts(0), 0)
        store.flush()
        store.append(rollouts(5), 0)
        with pytest.raises(StoreError, match="step 0 of run r, writer w0 is already stored with other rows"):
            store.flush()


def test_an_evaluation_of_a_step_stands_beside_its_training_rows(path):
    with RolloutStore.open(path, run_id="r") as store:
        store.append(rollouts(0), 0)
        store.append(rollouts(0), 0, phase="eval")
        store.flush()
        assert store.info().phases == {"eval": 8, "train": 8}


def test_info_counts_ties_and_rewards_of_training(path):
    with RolloutStore.open(path, run_id="r") as store:
        tied = rollouts().with_columns(reward=pl.when(pl.col("group_id") == 0).then(1.0).otherwise("reward"))
        store.append(tied, 0)
        store.append(rollouts().with_columns(reward=pl.lit(0.0)), 0, phase="eval")
        store.flush()
        info = store.info()
    assert (info.runs, info.attempts, info.steps, info.rows) == (("r",), {"r": 1}, 1, 16)
    assert (info.tie_rate, info.mean_reward) == (0.25, 0.625)


def test_a_run_folder_opens_as_its_store(path):
    write(path, range(1))
    assert RolloutStore.open(path.parent).path == path


def test_a_folder_without_a_store_is_refused(tmp_path):
    with pytest.raises(StoreError, match="holds no rollout store"):
        RolloutStore.open(tmp_path)


def test_a_path_with_the_signs_of_a_glob_is_scanned(tmp_path):
    path = tmp_path / "a[1]*"
    write(path, range(1))
    assert stored_steps(path) == [0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (rollouts().drop("reward"), "column reward is missing"),
        (rollouts().with_columns(tokens=1), 'column "tokens" is not in schema v1'),
        (rollouts().with_columns(rollout_idx=0), "each rollout is stored once"),
        (rollouts().with_columns(reward=pl.lit("good")), "column reward has type"),
        (rollouts().head(0), "no rows"),
        ([{"group_id": 0}], "found list"),
    ],
)
def test_rows_that_the_schema_refuses_are_refused_at_once(path, table, message):
    with RolloutStore.open(path, run_id="r") as store, pytest.raises(DataError, match=message):
        store.append(table, 0)


def test_columns_of_nothing_but_none_are_taken(path):
    with RolloutStore.open(path, run_id="r") as store:
        store.append(rollouts().with_columns(gold=None, reward=None, response_ids=None, logprobs=None), 0)
        store.flush()
        stored = store.scan().select("gold", "reward", "response_ids").collect()
    assert stored.null_count().row(0) == (8, 8, 8)


@pytest.mark.parametrize("step", [-1, 2**31, 2**70])
def test_a_step_out_of_range_is_refused(path, step):
    with RolloutStore.open(path, run_id="r") as store, pytest.raises(DataError, match="is not usable; expected"):
        store.append(rollouts(), step)


def test_segments_are_scanned_one_by_one(path):
    write(path, range(3))
    store = RolloutStore.open(path)
    for step, segment in enumerate(store.segments()):
        rows = store.scan_segments([segment]).collect()
        assert rows["step"].unique().to_list() == [step]
        assert rows["segment"].unique().to_list() == [str(segment)]
        assert_frame_equal(rows.drop("segment"), store.scan().filter(pl.col("step") == step).collect())
    assert store.scan_segments([]).collect().schema == store.scan_segments(store.segments()).collect_schema()


def test_a_store_opened_for_reading_does_not_append(path):
    write(path, range(1))
    with pytest.raises(StoreError, match="open for reading"):
        RolloutStore.open(path).append(rollouts(), 1)


@pytest.mark.parametrize(
    "options",
    [
        {"writer": "w1"},
        {"resume_step": 0},
        {"run_id": "r", "metadata": {"host": "x"}},
        {"run_id": "r", "resume_step": 2**31},
        {"run_id": "r", "resume_step": -2},
    ],
)
def test_arguments_that_do_not_go_together_are_refused(path, options):
    with pytest.raises(ConfigError):
        RolloutStore.open(path, **options)


def test_a_name_that_would_leave_the_store_is_refused(path):
    with pytest.raises(DataError, match="run_id"):
        RolloutStore.open(path, run_id="../r")


def test_damage_is_found(path):
    write(path, range(2))
    segment = min(path.glob("run=*/*.parquet"))
    content = bytearray(segment.read_bytes())
    content[len(content) // 3] ^= 1
    segment.write_bytes(content)
    report = RolloutStore.open(path).check(deep=True)
    assert not report.ok
    assert {problem.path for problem in report.problems} == {segment}


def problems_with_another_sign(path: Path) -> Iterator[str]:
    """Yield what a deep check finds with one number of a footer after the other negative."""
    segment = min(path.glob("run=*/*.parquet"))
    whole = segment.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little")
    for at in range(len(whole) - 8 - footer, len(whole) - 8):
        # The lowest bit is the sign of what stands there as a zigzag number.
        segment.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        yield from (problem.what for problem in RolloutStore.open(path).check(deep=True).problems)


def test_a_panic_of_the_decoder_is_a_problem_and_prints_nothing(path, capfd):
    write(path, range(1))
    panics = (what for what in problems_with_another_sign(path) if "panicked" in what)
    assert next(panics) == "cannot be decoded (the decoder panicked)"
    assert capfd.readouterr() == ("", "")


def test_a_check_report_of_a_whole_store_is_ok_and_picklable(path):
    write(path, range(2))
    report = pickle.loads(pickle.dumps(RolloutStore.open(path).check(deep=True)))
    assert report.ok
    assert (report.segments, report.rows) == (2, 16)


def test_threads_may_share_a_store(path):
    with RolloutStore.open(path, run_id="r") as store:
        threads = [
            threading.Thread(target=lambda step=step: (store.append(rollouts(step), step), store.flush()))
            for step in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert stored_steps(path) == list(range(12))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_refused_and_the_parent_goes_on(path):
    with RolloutStore.open(path, run_id="r") as store:
        store.append(rollouts(0), 0)
        child = os.fork()
        if child == 0:
            try:
                store.append(rollouts(1), 1)
            except StoreError as error:
                os._exit(0 if "fork" in str(error) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        store.append(rollouts(1), 1)
    assert stored_steps(path) == [0, 1]


def test_another_process_cannot_write_as_the_same_writer(path):
    code = f"import twogrpo; twogrpo.RolloutStore.open({str(path)!r}, run_id='r')"
    with RolloutStore.open(path, run_id="r"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"is being written by process {os.getpid()}" in done.stderr


WRITER = """
import sys
from test_store import rollouts
from twogrpo import RolloutStore
with RolloutStore.open(sys.argv[1], run_id="r") as store:
    for step in range(int(sys.argv[2]), 1000):
        store.append(rollouts(step), step)
        store.flush()
        print(step, flush=True)
"""


def test_acknowledged_appends_survive_kill_9(path):
    """Kill the writer ten times, each time after another number of acknowledgements and in the midst of an append."""
    acknowledged = -1
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    for kills in range(10):
        command = [sys.executable, "-c", WRITER, str(path), str(acknowledged + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
            for _ in range(kills + 1):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        steps = stored_steps(path)
        assert steps[: acknowledged + 1] == list(range(acknowledged + 1))
    with RolloutStore.open(path, run_id="r") as store:
        assert store.check(deep=True).ok


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rewards=st.lists(st.none() | st.floats(0, 1, width=32), min_size=2, max_size=20), seed=st.integers(0, 1000))
def test_any_rewards_in_any_order_read_back(tmp_path_factory, rewards, seed):
    path = tmp_path_factory.mktemp("store") / "rollouts"
    frame = pl.DataFrame(
        {
            "group_id": range(len(rewards)),
            "rollout_idx": 0,
            "prompt": "p",
            "response": [f"é{row}" for row in range(len(rewards))],
            "reward": pl.Series(rewards, dtype=pl.Float32),
        },
    )
    with RolloutStore.open(path, run_id="r") as store:
        store.append(frame.sample(fraction=1.0, shuffle=True, seed=seed), 0)
        store.flush()
        assert_frame_equal(store.scan().select(frame.columns).collect(), frame, check_dtypes=False)


@pytest.mark.parametrize("steps", [range(1, 3), range(3), range(2, 99), range(5, 9), range(2, 2)])
def test_a_scan_of_some_steps_is_the_scan_of_all_filtered(path, steps):
    write(path, range(4))
    store = RolloutStore.open(path)
    wanted = pl.col("step").is_in(list(steps))
    assert_frame_equal(store.scan(steps=steps).collect(), store.scan().filter(wanted).collect())


def test_a_scan_of_some_steps_opens_no_other_file(path):
    write(path, range(3))
    store = RolloutStore.open(path)
    lazy = store.scan(steps=range(1, 2))
    for segment in store.segments():
        if "00000001" not in segment.name:
            segment.unlink()
    assert lazy.collect()["step"].unique().to_list() == [1]


def test_steps_with_a_stride_are_refused(path):
    write(path, range(1))
    with pytest.raises(ConfigError, match="leaves steps out"):
        RolloutStore.open(path).scan(steps=range(0, 9, 2))
