//! A crash after every operation of compacting, pruning and purging: the store is whole, and repeating does the rest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod case;
mod memory_fs;
mod rows;

use std::path::Path;
use std::sync::Arc;

use arrow_array::Array;
use case::{check_is_clean, fill, read, rows_of_segments, store_at};
use memory_fs::{Crash, MemoryFs};
use rows::{first_prompt, open};
use twogrpo_store::{FileSystem, Pruning, Result, Store};

const ROOT: &str = "/runs/rollouts";
const CRASHES: [Crash; 3] = [Crash::Killed, Crash::PowerLost, Crash::PowerLostTorn];

/// A crash may tear the last line of a log; nothing else is amiss at any moment.
fn check_at_any_moment(fs: &Arc<dyn FileSystem>, path: &Path) {
    let report = store_at(fs, path).check(true).unwrap();
    let is_torn_line = |what: &str| what.contains("log line");
    assert!(
        report.problems.iter().all(|problem| is_torn_line(&problem.what)),
        "{report:?}"
    );
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
        assert!(fs.list(&root.join("_twogrpo/tmp")).unwrap().is_empty(), "{when}");
    });
}

#[test]
fn a_prune_that_crashes_anywhere_loses_nothing_else_and_can_be_repeated() {
    let pruning = Pruning {
        superseded: true,
        steps_before: Some(2),
        ..Pruning::default()
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
            if !fs.list(Path::new("/runs")).unwrap().contains(&"compact".to_owned()) {
                assert!(Store::open(Arc::clone(fs), copy).is_err(), "{when}");
                store_at(fs, Path::new(ROOT)).compact(copy).unwrap();
            }
            assert_eq!(check_is_clean(fs, copy).rows, 12, "{when}");
        },
    );
}
