//! Compacting, pruning and purging: what is left, what is refused, and a crash after every operation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod memory_fs;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use memory_fs::{Crash, MemoryFs};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::RowGroupMetaData;
use rows::{open, options, rows, store};
use tempfile::TempDir;
use twogrpo_store::{
    CheckReport, Disk, FileSystem, Pruning, Result, SegmentChange, Store, StoreError, Writer, WriterOptions, prompt_id,
};

const ROOT: &str = "/runs/rollouts";
const CRASHES: [Crash; 3] = [Crash::Killed, Crash::PowerLost, Crash::PowerLostTorn];

fn store_at(fs: &Arc<dyn FileSystem>, path: &Path) -> Store {
    Store::open(Arc::clone(fs), path).unwrap()
}

fn resumed(fs: &Arc<dyn FileSystem>, path: &Path, step: i32) -> Writer {
    let options = WriterOptions {
        resume_step: Some(step),
        ..options(path)
    };
    Writer::open(Arc::clone(fs), options).unwrap()
}

/// Steps 0 to 3 of which a resume has moved the last two aside, and a new step 2.
fn fill(fs: &Arc<dyn FileSystem>, path: &Path) {
    let writer = open(fs, path).unwrap();
    (0..4).for_each(|step| store(&writer, step, step).unwrap());
    writer.close().unwrap();
    drop(writer);
    let writer = resumed(fs, path, 1);
    store(&writer, 2, 9).unwrap();
    writer.close().unwrap();
}

fn first_prompt() -> Vec<String> {
    vec![prompt_id("", "1+1")]
}

fn steps_before(step: i32) -> Pruning {
    Pruning {
        steps_before: Some(step),
        ..Pruning::default()
    }
}

fn names(fs: &dyn FileSystem, folder: &Path) -> Vec<String> {
    fs.list(folder).unwrap()
}

/// Return the rows of a segment through the trait, whichever file system it is.
fn read(fs: &dyn FileSystem, path: &Path) -> RecordBatch {
    let bytes = bytes::Bytes::from(fs.read_tail(path, u64::MAX).unwrap());
    let reader: ParquetRecordBatchReader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .build()
        .unwrap();
    let batches = reader.collect::<std::result::Result<Vec<_>, _>>().unwrap();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn rows_of_segments(fs: &dyn FileSystem, root: &Path) -> BTreeMap<String, usize> {
    let folder = root.join("run=r");
    let files = names(fs, &folder).into_iter();
    files
        .map(|file| (file.clone(), read(fs, &folder.join(file)).num_rows()))
        .collect()
}

/// A crash may tear the last line of a log; nothing else is amiss at any moment.
fn check_at_any_moment(fs: &Arc<dyn FileSystem>, path: &Path) -> CheckReport {
    let report = store_at(fs, path).check(true).unwrap();
    let is_torn_line = |what: &str| what.contains("log line");
    assert!(
        report.problems.iter().all(|problem| is_torn_line(&problem.what)),
        "{report:?}"
    );
    report
}

fn check_is_clean(fs: &Arc<dyn FileSystem>, path: &Path) -> CheckReport {
    let report = store_at(fs, path).check(true).unwrap();
    assert_eq!(report.problems, []);
    report
}

/// Play a crash after each operation of `change` on a filled store.
fn crash_everywhere(change: impl Fn(&Store) -> Result<()>, judge: impl Fn(&Arc<dyn FileSystem>, &str)) {
    let memory = MemoryFs::default();
    let fs: Arc<dyn FileSystem> = Arc::new(memory.clone());
    fill(&fs, Path::new(ROOT));
    let before = memory.ops().len();
    change(&store_at(&fs, Path::new(ROOT))).unwrap();
    let ops = memory.ops();
    assert!(ops.len() > before + 8);
    for end in before..=ops.len() {
        for crash in CRASHES {
            let fs: Arc<dyn FileSystem> = Arc::new(MemoryFs::after(&ops[..end], crash));
            judge(&fs, &format!("after {} operations, {crash:?}", end - before));
        }
    }
}

#[test]
fn a_purge_that_crashes_anywhere_leaves_whole_segments_and_can_be_repeated() {
    let purge = |store: &Store| store.purge(&first_prompt(), false).map(|_| ());
    crash_everywhere(purge, |fs, when| {
        let root = Path::new(ROOT);
        check_at_any_moment(fs, root);
        let rows = rows_of_segments(fs.as_ref(), root);
        assert_eq!(rows.len(), 3, "{when}");
        assert!(rows.values().all(|rows| [2, 4].contains(rows)), "{when}: {rows:?}");

        drop(open(fs, root).unwrap());
        assert_eq!(
            rows_of_segments(fs.as_ref(), root),
            rows,
            "recovery changes no rows, {when}"
        );
        check_is_clean(fs, root);

        purge(&store_at(fs, root)).unwrap();
        assert!(
            rows_of_segments(fs.as_ref(), root).values().all(|rows| *rows == 2),
            "{when}"
        );
        assert_eq!(check_is_clean(fs, root).superseded, 2, "{when}");
        assert!(names(fs.as_ref(), &root.join("_twogrpo/tmp")).is_empty(), "{when}");
    });
}

#[test]
fn a_prune_that_crashes_anywhere_loses_nothing_else_and_can_be_repeated() {
    let pruning = Pruning {
        superseded: true,
        ..steps_before(2)
    };
    let prune = |store: &Store| store.prune(&pruning, false).map(|_| ());
    crash_everywhere(prune, |fs, when| {
        let root = Path::new(ROOT);
        check_at_any_moment(fs, root);
        assert!(
            rows_of_segments(fs.as_ref(), root).contains_key("step-00000002.w0.parquet"),
            "{when}"
        );

        let writer = open(fs, root).unwrap();
        assert!(writer.recovery().lost.is_empty(), "{when}");
        assert_eq!(writer.attempt(), 2, "{when}");
        drop(writer);
        check_is_clean(fs, root);

        prune(&store_at(fs, root)).unwrap();
        let report = check_is_clean(fs, root);
        assert_eq!((report.segments, report.superseded), (1, 0), "{when}");
    });
}

#[test]
fn a_prune_of_columns_that_crashes_anywhere_can_be_repeated() {
    let pruning = Pruning {
        columns: vec!["logprobs".to_owned()],
        ..Pruning::default()
    };
    let prune = |store: &Store| store.prune(&pruning, false).map(|_| ());
    crash_everywhere(prune, |fs, when| {
        let root = Path::new(ROOT);
        check_at_any_moment(fs, root);
        drop(open(fs, root).unwrap());
        check_is_clean(fs, root);
        prune(&store_at(fs, root)).unwrap();
        check_is_clean(fs, root);
        let rows = read(fs.as_ref(), &root.join("run=r/step-00000002.w0.parquet"));
        assert_eq!(
            (rows["logprobs"].null_count(), rows["logprob_sum"].null_count()),
            (4, 0),
            "{when}"
        );
    });
}

#[test]
fn a_compaction_that_crashes_anywhere_is_there_whole_or_not_at_all() {
    let copy = Path::new("/runs/compact");
    crash_everywhere(
        |store| store.compact(copy).map(|_| ()),
        |fs, when| {
            assert_eq!(check_is_clean(fs, Path::new(ROOT)).rows, 12, "{when}");
            if !names(fs.as_ref(), Path::new("/runs")).contains(&"compact".to_owned()) {
                assert!(Store::open(Arc::clone(fs), copy).is_err(), "{when}");
                store_at(fs, Path::new(ROOT)).compact(copy).unwrap();
            }
            assert_eq!(check_is_clean(fs, copy).rows, 12, "{when}");
        },
    );
}

struct Case {
    folder: TempDir,
    fs: Arc<dyn FileSystem>,
}

impl Case {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            fs: Arc::new(Disk),
        }
    }

    fn filled() -> Self {
        let case = Self::new();
        fill(&case.fs, &case.root());
        case
    }

    /// A store of `steps` steps of a writer for training and another for evaluation.
    fn with_steps(steps: i32) -> Self {
        let case = Self::new();
        for (writer, phase) in [("w0", "train"), ("eval", "eval")] {
            let options = WriterOptions {
                writer: writer.to_owned(),
                ..options(&case.root())
            };
            let writer = Writer::open(Arc::clone(&case.fs), options).unwrap();
            for step in 0..steps {
                writer.append(&rows(step), step, phase).unwrap();
            }
            writer.close().unwrap();
        }
        case
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("rollouts")
    }

    fn copy(&self) -> PathBuf {
        self.folder.path().join("copy")
    }

    fn store(&self) -> Store {
        store_at(&self.fs, &self.root())
    }

    fn files(&self) -> Vec<String> {
        names(self.fs.as_ref(), &self.root().join("run=r"))
    }

    fn prune(&self, pruning: &Pruning) -> Vec<SegmentChange> {
        self.store().prune(pruning, false).unwrap()
    }
}

#[test]
fn a_compacted_store_has_a_file_for_64_steps_of_a_writer() {
    let case = Case::with_steps(70);
    let compaction = case.store().compact(&case.copy()).unwrap();
    assert_eq!(
        names(case.fs.as_ref(), &case.copy().join("run=r")),
        [
            "steps-00000000-00000063.eval.parquet",
            "steps-00000000-00000063.w0.parquet",
            "steps-00000064-00000069.eval.parquet",
            "steps-00000064-00000069.w0.parquet",
        ]
    );
    assert_eq!(
        (compaction.rows, compaction.segments_before, compaction.segments_after),
        (560, 140, 4)
    );
    let report = check_is_clean(&case.fs, &case.copy());
    assert_eq!(
        (report.segments, report.rows, report.bytes),
        (4, 560, compaction.bytes_after)
    );
}

#[test]
fn a_compacted_store_holds_the_same_rows_in_the_same_order() {
    let case = Case::with_steps(3);
    case.store().compact(&case.copy()).unwrap();
    let folder = case.root().join("run=r");
    let single = (0..3).map(|step| read(&Disk, &folder.join(format!("step-{step:08}.w0.parquet"))));
    let single: Vec<_> = single.collect();
    let expected = concat_batches(&single[0].schema(), &single).unwrap();
    assert_eq!(
        read(&Disk, &case.copy().join("run=r/steps-00000000-00000002.w0.parquet")),
        expected
    );
}

#[test]
fn row_groups_of_a_compacted_store_hold_2048_rows() {
    let case = Case::new();
    let writer = open(&case.fs, &case.root()).unwrap();
    let many = vec![rows(0); 300];
    let many = concat_batches(&many[0].schema(), &many).unwrap();
    let groups = arrow_array::Int64Array::from_iter_values((0..1200).map(|row| row / 2));
    let mut columns = many.columns().to_vec();
    columns[0] = Arc::new(groups);
    let many = RecordBatch::try_new(many.schema(), columns).unwrap();
    (0..3).for_each(|step| writer.append(&many, step, "train").unwrap());
    writer.close().unwrap();
    case.store().compact(&case.copy()).unwrap();
    let file = fs::File::open(case.copy().join("run=r/steps-00000000-00000002.w0.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let sizes: Vec<_> = reader
        .metadata()
        .row_groups()
        .iter()
        .map(RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(sizes, [2048, 1552]);
    check_is_clean(&case.fs, &case.copy());
}

#[test]
fn a_file_of_a_compacted_store_holds_one_attempt_and_superseded_rollouts_are_left_out() {
    let case = Case::filled();
    let compaction = case.store().compact(&case.copy()).unwrap();
    assert_eq!((compaction.superseded_segments, compaction.superseded_rows), (2, 8));
    assert_eq!(
        names(case.fs.as_ref(), &case.copy().join("run=r")),
        [
            "steps-00000000-00000001.w0.parquet",
            "steps-00000002-00000002.w0.parquet"
        ]
    );
}

#[test]
fn a_compacted_store_can_be_compacted_again() {
    let case = Case::with_steps(70);
    case.store().compact(&case.copy()).unwrap();
    let again = case.folder.path().join("again");
    store_at(&case.fs, &case.copy()).compact(&again).unwrap();
    let of_writers = |path: &Path| rows_of_segments(case.fs.as_ref(), path);
    assert_eq!(of_writers(&again), of_writers(&case.copy()));
}

#[test]
fn any_flipped_bit_of_a_compacted_store_is_found() {
    let case = Case::with_steps(2);
    case.store().compact(&case.copy()).unwrap();
    let file = case.copy().join("run=r/steps-00000000-00000001.w0.parquet");
    let bytes = fs::read(&file).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&file, &flipped).unwrap();
        let report = store_at(&case.fs, &case.copy()).check(true).unwrap();
        assert!(!report.problems.is_empty(), "byte {at}");
    }
}

#[test]
fn a_compacted_run_takes_no_more_rollouts() {
    let case = Case::with_steps(2);
    case.store().compact(&case.copy()).unwrap();
    let refused = |resume_step| {
        let options = WriterOptions {
            resume_step,
            ..options(&case.copy())
        };
        matches!(
            Writer::open(Arc::clone(&case.fs), options),
            Err(StoreError::Copy { .. })
        )
    };
    assert!(refused(None) && refused(Some(0)));
    check_is_clean(&case.fs, &case.copy());
}

#[test]
fn another_run_can_be_written_into_a_compacted_store() {
    let case = Case::with_steps(2);
    case.store().compact(&case.copy()).unwrap();
    let other = WriterOptions {
        run_id: "other".to_owned(),
        ..options(&case.copy())
    };
    let writer = Writer::open(Arc::clone(&case.fs), other).unwrap();
    store(&writer, 0, 0).unwrap();
    assert_eq!(check_is_clean(&case.fs, &case.copy()).rows, 20);
}

#[test]
fn a_place_that_is_taken_or_inside_the_store_is_refused() {
    let case = Case::with_steps(1);
    fs::create_dir(case.copy()).unwrap();
    let refused = |to: &Path| matches!(case.store().compact(to), Err(StoreError::Target { .. }));
    assert!(refused(&case.copy()));
    assert!(refused(&case.root().join("copy")));
    assert!(refused(&case.root()));
    let hidden = |name: &String| name.starts_with('.');
    assert!(!names(&Disk, case.folder.path()).iter().any(hidden));
}

#[test]
fn a_damaged_store_is_not_compacted() {
    let case = Case::with_steps(2);
    let file = case.root().join("run=r/step-00000001.w0.parquet");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(matches!(case.store().compact(&case.copy()), Err(StoreError::Damaged { path, .. }) if path == file));
    assert!(!case.copy().exists());
}

#[test]
fn a_purge_reaches_what_was_moved_aside() {
    let case = Case::filled();
    let changes = case.store().purge(&first_prompt(), false).unwrap();
    let removed: u64 = changes
        .iter()
        .map(|change| change.rows_before - change.rows_after)
        .sum();
    assert_eq!((changes.len(), removed), (5, 10));
    let kept = first_prompt();
    let aside = case.root().join("_superseded/run=r/attempt-0001");
    for folder in [case.root().join("run=r"), aside] {
        for file in names(&Disk, &folder) {
            let ids = read(&Disk, &folder.join(file))["prompt_id"].clone();
            assert!(ids.as_string::<i32>().iter().flatten().all(|id| id != kept[0]));
        }
    }
}

#[test]
fn a_segment_goes_with_its_last_row() {
    let case = Case::filled();
    let every = [prompt_id("", "1+1"), prompt_id("", "2+2")];
    case.store().purge(&every, false).unwrap();
    assert!(case.files().is_empty());
    let report = check_is_clean(&case.fs, &case.root());
    assert_eq!((report.segments, report.superseded), (0, 0));
}

#[test]
fn a_purge_of_a_compacted_store_keeps_its_layout() {
    let case = Case::with_steps(3);
    case.store().compact(&case.copy()).unwrap();
    store_at(&case.fs, &case.copy()).purge(&first_prompt(), false).unwrap();
    let rows = rows_of_segments(case.fs.as_ref(), &case.copy());
    assert_eq!(rows["steps-00000000-00000002.w0.parquet"], 6);
    check_is_clean(&case.fs, &case.copy());
}

#[test]
fn a_purge_of_an_unknown_prompt_changes_nothing() {
    let case = Case::filled();
    assert_eq!(case.store().purge(&["0".to_owned()], false).unwrap(), []);
}

#[test]
fn a_purged_step_can_be_appended_again_and_stays_purged() {
    let case = Case::filled();
    case.store().purge(&first_prompt(), false).unwrap();
    let writer = open(&case.fs, &case.root()).unwrap();
    store(&writer, 2, 9).unwrap();
    assert_eq!(rows_of_segments(&Disk, &case.root())["step-00000002.w0.parquet"], 2);
    assert!(matches!(store(&writer, 2, 8), Err(StoreError::StepConflict { .. })));
}

#[test]
fn a_pruned_step_can_be_appended_again_and_stays_gone() {
    let case = Case::filled();
    case.prune(&steps_before(9));
    let writer = open(&case.fs, &case.root()).unwrap();
    assert_eq!(writer.attempt(), 2);
    store(&writer, 2, 9).unwrap();
    assert!(case.files().is_empty());
    assert!(matches!(store(&writer, 2, 8), Err(StoreError::Removed { step: 2, .. })));
    store(&writer, 3, 8).unwrap();
    assert_eq!(case.files(), ["step-00000003.w0.parquet"]);
    check_is_clean(&case.fs, &case.root());
}

#[test]
fn a_resume_frees_the_places_of_what_was_pruned() {
    let case = Case::filled();
    case.prune(&steps_before(9));
    let writer = resumed(&case.fs, &case.root(), -1);
    assert_eq!(writer.attempt(), 3);
    store(&writer, 0, 5).unwrap();
    writer.close().unwrap();
    assert_eq!(case.files(), ["step-00000000.w0.parquet"]);
    check_is_clean(&case.fs, &case.root());
}

#[test]
fn attempts_go_on_where_superseded_segments_were_pruned() {
    let case = Case::filled();
    let superseded = Pruning {
        superseded: true,
        ..Pruning::default()
    };
    assert_eq!(case.prune(&superseded).len(), 2);
    assert_eq!(case.prune(&superseded), []);
    let writer = resumed(&case.fs, &case.root(), 1);
    assert_eq!((writer.attempt(), writer.recovery().lost.len()), (3, 0));
    drop(writer);
    assert_eq!(check_is_clean(&case.fs, &case.root()).superseded, 1);
}

#[test]
fn a_crash_before_the_log_line_of_a_place_that_was_pruned_is_recovered() {
    let case = Case::filled();
    case.prune(&steps_before(9));
    let writer = resumed(&case.fs, &case.root(), -1);
    store(&writer, 0, 5).unwrap();
    writer.close().unwrap();
    drop(writer);
    let log = case.root().join("_twogrpo/log/r.w0.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let without_last = text.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(&log, format!("{without_last}\n")).unwrap();
    assert_eq!(open(&case.fs, &case.root()).unwrap().recovery().relogged.len(), 1);
    assert_eq!(case.files().len(), 1);
    check_is_clean(&case.fs, &case.root());
}

#[test]
fn evaluations_are_pruned_by_phase_and_step() {
    let case = Case::with_steps(3);
    let evaluations = Pruning {
        phase: Some("eval".to_owned()),
        ..steps_before(2)
    };
    assert_eq!(case.prune(&evaluations).len(), 2);
    let eval: Vec<_> = case.files().into_iter().filter(|file| file.contains("eval")).collect();
    assert_eq!(eval, ["step-00000002.eval.parquet"]);
    assert_eq!(case.files().len(), 4);
}

#[test]
fn columns_of_chosen_steps_lose_their_values_and_the_rows_stay() {
    let case = Case::with_steps(2);
    let pruning = Pruning {
        columns: vec!["response_ids".to_owned(), "logprobs".to_owned()],
        phase: Some("train".to_owned()),
        ..steps_before(1)
    };
    let changes = case.prune(&pruning);
    assert_eq!(changes.len(), 1);
    assert!(changes[0].bytes_after < changes[0].bytes_before);
    let rows = read(&Disk, &case.root().join("run=r/step-00000000.w0.parquet"));
    assert_eq!((rows.num_rows(), rows["response_ids"].null_count()), (4, 4));
    assert_eq!(rows["response_len"].as_primitive::<Int32Type>().values(), &[1, 2, 3, 4]);
    assert_eq!(case.prune(&pruning), []);
    check_is_clean(&case.fs, &case.root());
}

#[test]
fn a_column_that_rows_need_is_not_dropped() {
    let case = Case::with_steps(1);
    for name in ["rollout_id", "reward", "nonsense"] {
        let pruning = Pruning {
            columns: vec![name.to_owned()],
            ..Pruning::default()
        };
        assert!(
            matches!(case.store().prune(&pruning, false), Err(StoreError::Data(_))),
            "{name}"
        );
    }
}

#[test]
fn the_quarantine_is_emptied() {
    let case = Case::filled();
    let file = case.root().join("run=r/step-00000002.w0.parquet");
    fs::write(&file, b"torn").unwrap();
    drop(open(&case.fs, &case.root()).unwrap());
    let pruning = Pruning {
        quarantine: true,
        ..Pruning::default()
    };
    assert_eq!(case.prune(&pruning)[0].bytes_before, 4);
    assert!(names(&Disk, &case.root().join("_quarantine")).is_empty());
}

#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let case = Case::filled();
    let snapshot = || {
        let folders = ["run=r", "_superseded/run=r/attempt-0001", "_twogrpo/log"];
        folders.map(|folder| {
            let folder = case.root().join(folder);
            let files = names(&Disk, &folder).into_iter();
            files
                .map(|file| (file.clone(), fs::read(folder.join(file)).unwrap()))
                .collect::<BTreeSet<_>>()
        })
    };
    let before = snapshot();
    let would = case.store().prune(&steps_before(2), true).unwrap();
    let would_purge = case.store().purge(&first_prompt(), true).unwrap();
    assert_eq!(snapshot(), before);
    let purged = case.store().purge(&first_prompt(), false).unwrap();
    let rows = |changes: &[SegmentChange]| {
        changes
            .iter()
            .map(|c| (c.path.clone(), c.rows_after))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&would_purge), rows(&purged));
    assert_eq!(rows(&would), rows(&case.prune(&steps_before(2))));
}

#[test]
fn a_living_writer_keeps_everything_as_it_is() {
    let case = Case::filled();
    let _writer = open(&case.fs, &case.root()).unwrap();
    let refused = |result: Result<Vec<SegmentChange>>| matches!(result, Err(StoreError::Locked { .. }));
    assert!(refused(case.store().purge(&first_prompt(), false)));
    assert!(refused(case.store().prune(&steps_before(9), false)));
    assert_eq!(case.files().len(), 3);
}

#[test]
fn a_damaged_segment_is_not_rewritten() {
    let case = Case::with_steps(1);
    let file = case.root().join("run=r/step-00000000.w0.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&file).unwrap()).unwrap();
    let columns = reader.metadata().row_group(0).columns();
    let logprobs = columns
        .iter()
        .find(|column| column.column_path().string().starts_with("logprobs."));
    let (start, length) = logprobs.unwrap().byte_range();
    let mut bytes = fs::read(&file).unwrap();
    bytes[usize::try_from(start + length).unwrap() - 4] ^= 4;
    fs::write(&file, bytes).unwrap();
    assert!(matches!(
        case.store().purge(&first_prompt(), false),
        Err(StoreError::Damaged { .. })
    ));
}
