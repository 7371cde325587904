//! The crash simulation: every state that a crash can leave, at every point of a recording, is opened and judged.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use twogrpo_store::{FileSystem, Store, StoreError, content_hash};

use crate::memory_fs::{MemoryFs, Op, Recording, State};

pub const ROOT: &str = "/runs/rollouts";

pub type Disk = Arc<dyn FileSystem>;

/// What an engineer has to see when a promise is broken.
pub type Judgement = Result<(), String>;

/// Name and content hash of each segment.
pub type Contents = BTreeMap<String, u128>;

/// Turn a broken promise into an error.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Judgement {
    if holds { Ok(()) } else { Err(what()) }
}

/// Judge every distinct state that a crash can leave after each operation, and return how many there are.
///
/// `judge` gets the disk as it is found afterwards and the steps acknowledged before the crash.
///
/// # Errors
/// The first judgement that is none, with the operations that led to it.
pub fn explore(
    recording: &Recording,
    judge: impl Fn(&Disk, &BTreeSet<i32>) -> Judgement + Sync,
) -> Result<usize, String> {
    let cases = cases(recording);
    let judge_all = |cases: &[Case]| {
        cases.iter().try_for_each(|case| {
            let disk: Disk = Arc::new(MemoryFs::new(case.state.clone()));
            judge(&disk, &case.acknowledged).map_err(|broken| {
                let done = &recording.ops[..case.end];
                let last: Vec<String> = done.iter().rev().take(4).rev().map(shown).collect();
                format!("{broken}; crash after {} operations: {}", done.len(), last.join(", "))
            })
        })
    };
    let (first, second) = cases.split_at(cases.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| judge_all(second));
        let own = judge_all(first);
        own.and(other.join().unwrap())
    })?;
    Ok(cases.len())
}

struct Case {
    state: State,
    acknowledged: BTreeSet<i32>,
    end: usize,
}

fn cases(recording: &Recording) -> Vec<Case> {
    let mut state = recording.before.clone();
    let mut acknowledged = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut cases = Vec::new();
    for end in 0..=recording.ops.len() {
        if let Some(op) = end.checked_sub(1).map(|last| &recording.ops[last]) {
            state.apply(op);
            if let Op::Acknowledged(step) = op {
                acknowledged.insert(*step);
            }
        }
        for (fingerprint, state) in state.crashes() {
            if seen.insert((fingerprint, acknowledged.clone())) {
                cases.push(Case {
                    state,
                    acknowledged: acknowledged.clone(),
                    end,
                });
            }
        }
    }
    cases
}

fn shown(op: &Op) -> String {
    match op {
        Op::Write(inode, bytes) => format!("Write({inode}, {} bytes)", bytes.len()),
        op => format!("{op:?}"),
    }
}

/// Return the segments that a reader of the glob finds in run `r`, by step and writer.
pub fn visible(disk: &Disk) -> Result<Contents, String> {
    contents_in(disk, &Path::new(ROOT).join("run=r"))
}

/// Return the segments in a folder, each of which must decode.
pub fn contents_in(disk: &Disk, folder: &Path) -> Result<Contents, String> {
    let files = disk.list(folder).unwrap();
    let parquet = files.into_iter().filter(|file| file.ends_with(".parquet"));
    parquet
        .map(|file| {
            let rows = decode(disk, &folder.join(&file)).map_err(|error| format!("{file} is torn: {error}"))?;
            Ok((file, content_hash(&rows).unwrap()))
        })
        .collect()
}

/// Return the rows of a segment.
pub fn decode(disk: &Disk, path: &Path) -> Result<RecordBatch, String> {
    let bytes = Bytes::from(disk.read_tail(path, u64::MAX).unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| error.to_string())?;
    let mut batches = reader.build().map_err(|error| error.to_string())?;
    batches.next().ok_or("no rows")?.map_err(|error| error.to_string())
}

/// Return the salt that a segment's rows were made with.
pub fn salt_of(rows: &RecordBatch) -> i32 {
    let ids = rows["response_ids"].as_list::<i32>().value(0);
    ids.as_primitive::<Int32Type>().value(0) - 100
}

/// Return the step that a segment's name tells.
pub fn step_of(file: &str) -> i32 {
    file["step-".len()..][..8].parse().unwrap()
}

/// Judge as a reader that comes before any recovery: nothing but the log may be amiss. False without a store.
pub fn check_before_recovery(disk: &Disk) -> Result<bool, String> {
    let store = match Store::open(Arc::clone(disk), Path::new(ROOT)) {
        Err(StoreError::NotAStore(_)) => return Ok(false),
        store => store.map_err(|error| format!("cannot be read: {error}"))?,
    };
    for problem in store.check(true).map_err(|error| error.to_string())?.problems {
        let is_of_the_log = problem.what.starts_with("no log line") || problem.what.ends_with("damaged log lines");
        ensure(is_of_the_log, || format!("before recovery: {problem:?}"))?;
    }
    Ok(true)
}

/// Judge a store after its recovery: whole, with nothing staged.
pub fn check_after_recovery(disk: &Disk) -> Judgement {
    let store = Store::open(Arc::clone(disk), Path::new(ROOT)).map_err(|error| error.to_string())?;
    let report = store.check(true).map_err(|error| error.to_string())?;
    ensure(report.problems.is_empty(), || {
        format!("after recovery: {:?}", report.problems)
    })?;
    let staged = disk.list(&PathBuf::from(ROOT).join("_twogrpo/tmp")).unwrap();
    ensure(staged.is_empty(), || format!("left in the staging folder: {staged:?}"))
}
