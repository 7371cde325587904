//! Every operation of appends and of a resume is recorded, and a crash is played after each one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod memory_fs;
mod rows;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use memory_fs::{Crash, MemoryFs, Op};
use rows::{open, options, store};
use twogrpo_store::{CheckReport, FileSystem, SegmentName, Store, StoreError, Writer};

const ROOT: &str = "/runs/rollouts";
const CRASHES: [Crash; 3] = [Crash::Killed, Crash::PowerLost, Crash::PowerLostTorn];

fn steps(fs: &Arc<dyn FileSystem>) -> BTreeSet<i32> {
    let files = fs.list(&Path::new(ROOT).join("run=r")).unwrap();
    files
        .iter()
        .map(|file| SegmentName::parse(file).expect("a segment's name").step)
        .collect()
}

/// Check as a reader that came right after the crash: only a missing log line may be amiss.
fn check_before_recovery(fs: &Arc<dyn FileSystem>) -> Option<CheckReport> {
    let store = match Store::open(Arc::clone(fs), Path::new(ROOT)) {
        Err(StoreError::NotAStore(_)) => return None,
        store => store.unwrap(),
    };
    let report = store.check(true).unwrap();
    for problem in &report.problems {
        assert!(
            problem.what.starts_with("no log line") || problem.what.ends_with("damaged log lines"),
            "{problem:?}"
        );
    }
    Some(report)
}

fn acknowledged(ops: &[Op]) -> BTreeSet<i32> {
    ops.iter()
        .filter_map(|op| {
            if let Op::Acknowledged(step) = op {
                Some(*step)
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn an_acknowledged_append_survives_a_crash_after_any_operation() {
    let memory = MemoryFs::default();
    let fs: Arc<dyn FileSystem> = Arc::new(memory.clone());
    let writer = open(&fs, Path::new(ROOT)).unwrap();
    for step in 0..3 {
        store(&writer, step, step).unwrap();
        memory.acknowledge(step);
    }
    writer.close().unwrap();

    let ops = memory.ops();
    for end in 0..=ops.len() {
        for crash in CRASHES {
            let fs: Arc<dyn FileSystem> = Arc::new(MemoryFs::after(&ops[..end], crash));
            let acknowledged = acknowledged(&ops[..end]);
            let report = check_before_recovery(&fs);
            assert!(
                report.is_some() || acknowledged.is_empty(),
                "no store after {end} operations, {crash:?}"
            );
            assert!(
                acknowledged.is_subset(&steps(&fs)),
                "lost after {end} operations, {crash:?}"
            );

            let writer = open(&fs, Path::new(ROOT)).unwrap();
            assert!(writer.recovery().lost.is_empty(), "{crash:?}");
            for step in 0..3 {
                store(&writer, step, step).unwrap();
            }
            let report = Store::open(Arc::clone(&fs), Path::new(ROOT))
                .unwrap()
                .check(true)
                .unwrap();
            assert_eq!(
                (report.segments, report.rows),
                (3, 12),
                "after {end} operations, {crash:?}"
            );
            assert!(
                report
                    .problems
                    .iter()
                    .all(|problem| problem.what.contains("damaged log line")),
                "{report:?}"
            );
            assert!(fs.list(&Path::new(ROOT).join("_twogrpo/tmp")).unwrap().is_empty());
        }
    }
}

#[test]
fn a_resume_that_crashes_anywhere_can_be_repeated() {
    let memory = MemoryFs::default();
    let fs: Arc<dyn FileSystem> = Arc::new(memory.clone());
    let writer = open(&fs, Path::new(ROOT)).unwrap();
    (0..4).for_each(|step| store(&writer, step, step).unwrap());
    writer.close().unwrap();
    drop(writer);
    let before = memory.ops().len();
    let resumed = |fs: &Arc<dyn FileSystem>| {
        Writer::open(Arc::clone(fs), rows_options()).unwrap_or_else(|error| panic!("{error}"))
    };
    drop(resumed(&fs));

    let ops = memory.ops();
    for end in before..=ops.len() {
        for crash in CRASHES {
            let fs: Arc<dyn FileSystem> = Arc::new(MemoryFs::after(&ops[..end], crash));
            check_before_recovery(&fs).unwrap();
            assert!(
                BTreeSet::from([0, 1]).is_subset(&steps(&fs)),
                "after {end} operations, {crash:?}"
            );
            let writer = resumed(&fs);
            assert_eq!(
                (writer.attempt(), steps(&fs)),
                (2, BTreeSet::from([0, 1])),
                "after {end}, {crash:?}"
            );
            let report = Store::open(Arc::clone(&fs), Path::new(ROOT))
                .unwrap()
                .check(true)
                .unwrap();
            assert_eq!(
                (report.superseded, report.problems),
                (2, vec![]),
                "after {end} operations, {crash:?}"
            );
        }
    }
}

fn rows_options() -> twogrpo_store::WriterOptions {
    twogrpo_store::WriterOptions {
        resume_step: Some(1),
        ..options(Path::new(ROOT))
    }
}
