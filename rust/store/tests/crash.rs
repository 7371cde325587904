//! Every state that a crash can leave, after each operation of the protocol, keeps what was acknowledged.
//!
//! Unsynced names are kept in every subset, and unsynced writes not at all, by half, all but a byte, whole, or as zeros.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod memory_fs;
mod rows;
mod simulation;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memory_fs::{Crash, MemoryFs, Op, Recording};
use rows::{open, options, store};
use simulation::{
    Contents, Disk, Judgement, ROOT, check_after_recovery, check_before_recovery, contents_in, decode, ensure, explore,
    salt_of, step_of, visible,
};
use twogrpo_store::{FileSystem, Result, Store, Writer, WriterOptions};

fn folder(inside: &str) -> PathBuf {
    Path::new(ROOT).join(inside)
}

fn disk(memory: &MemoryFs) -> Disk {
    Arc::new(memory.clone())
}

fn open_as(disk: &Disk, writer: &str, resume_step: Option<i32>) -> Result<Writer> {
    let options = WriterOptions {
        writer: writer.to_owned(),
        resume_step,
        ..options(Path::new(ROOT))
    };
    Writer::open(Arc::clone(disk), options)
}

/// A store with steps 0, 1, ... of each writer, all on the disk.
fn settled(writers: &[&str], steps: i32) -> MemoryFs {
    let memory = MemoryFs::default();
    for writer in writers {
        let writer = open_as(&disk(&memory), writer, None).unwrap();
        (0..steps).for_each(|step| store(&writer, step, step).unwrap());
        writer.close().unwrap();
    }
    memory.crashed(Crash::Killed)
}

/// Append steps as writer `w0` and acknowledge each.
fn record_appends(memory: &MemoryFs, steps: std::ops::Range<i32>) -> Recording {
    let writer = open(&disk(memory), Path::new(ROOT)).unwrap();
    for step in steps {
        store(&writer, step, step).unwrap();
        memory.acknowledge(step);
    }
    writer.close().unwrap();
    memory.recording()
}

/// Judge a state in which steps up to `last` of writer `w0` may stand: none torn, none lost, and each can be repeated.
fn judge_appends(disk: &Disk, acknowledged: &BTreeSet<i32>, last: i32) -> Judgement {
    let found: BTreeSet<i32> = visible(disk)?.keys().map(|file| step_of(file)).collect();
    ensure(acknowledged.is_subset(&found), || {
        format!("acknowledged {acknowledged:?}, found {found:?}")
    })?;
    for step in &found {
        let rows = decode(disk, &folder(&format!("run=r/step-{step:08}.w0.parquet")))?;
        ensure(salt_of(&rows) == *step, || format!("step {step} holds other rows"))?;
    }
    let is_store = check_before_recovery(disk)?;
    ensure(is_store || acknowledged.is_empty(), || "the marker is lost".to_owned())?;

    let writer = open(disk, Path::new(ROOT)).map_err(|error| format!("cannot be written: {error}"))?;
    let recovery = writer.recovery().clone();
    ensure(recovery.lost.is_empty() && recovery.quarantined.is_empty(), || {
        format!("{recovery:?}")
    })?;
    for step in 0..=last {
        store(&writer, step, step).map_err(|error| format!("a repetition is refused: {error}"))?;
    }
    writer.close().map_err(|error| error.to_string())?;
    check_after_recovery(disk)?;
    ensure(visible(disk)?.len() == usize::try_from(last + 1).unwrap(), || {
        "steps are missing".to_owned()
    })
}

#[test]
fn the_first_appends_survive_a_crash_after_any_operation() {
    let recording = record_appends(&MemoryFs::default(), 0..2);
    let states = explore(&recording, |disk, acknowledged| judge_appends(disk, acknowledged, 1)).unwrap();
    println!(
        "first appends: {states} states after {} operations",
        recording.ops.len()
    );
    assert!(states > 200, "only {states} states");
}

#[test]
fn later_appends_survive_a_crash_after_any_operation() {
    let recording = record_appends(&settled(&["w0"], 1), 1..4);
    let states = explore(&recording, |disk, acknowledged| judge_appends(disk, acknowledged, 3)).unwrap();
    println!(
        "later appends: {states} states after {} operations",
        recording.ops.len()
    );
    assert!(states > 100, "only {states} states");
}

#[test]
fn a_second_writer_survives_a_crash_after_any_operation() {
    let memory = settled(&["w0"], 1);
    let writers = [open_as(&disk(&memory), "w0", None), open_as(&disk(&memory), "w1", None)].map(Result::unwrap);
    for (writer, step) in [(0, 1), (1, 0), (1, 1)] {
        store(&writers[writer], step, step).unwrap();
        memory.acknowledge(i32::try_from(writer).unwrap() * 10 + step);
    }
    drop(writers);
    let judge = |disk: &Disk, acknowledged: &BTreeSet<i32>| {
        let found = visible(disk)?;
        for step in acknowledged {
            let file = format!("step-{:08}.w{}.parquet", step % 10, step / 10);
            ensure(found.contains_key(&file), || format!("{file} is lost"))?;
        }
        check_before_recovery(disk)?;
        for (writer, steps) in [("w1", 2), ("w0", 2)] {
            let writer = open_as(disk, writer, None).map_err(|error| error.to_string())?;
            for step in 0..steps {
                store(&writer, step, step).map_err(|error| error.to_string())?;
            }
        }
        check_after_recovery(disk)
    };
    let recording = memory.recording();
    let states = explore(&recording, judge).unwrap();
    println!("two writers: {states} states after {} operations", recording.ops.len());
    assert!(states > 200, "only {states} states");
}

/// Resume steps 0 to 3 of two writers from step 1; what stood there before, and what was done.
fn record_resume() -> (Contents, Recording) {
    let memory = settled(&["w0", "eval"], 4);
    let whole = visible(&disk(&memory)).unwrap();
    drop(open_as(&disk(&memory), "w0", Some(1)).unwrap());
    (whole, memory.recording())
}

/// Judge a state within that resume: nothing is gone, no hole is visible, and the resume can be repeated.
fn judge_resume(disk: &Disk, whole: &Contents) -> Judgement {
    let live = visible(disk)?;
    let aside = contents_in(disk, &folder("_superseded/run=r/attempt-0001"))?;
    let mut all = live.clone();
    all.extend(aside);
    ensure(all == *whole, || format!("found {all:?}"))?;
    is_beginning(&live, whole)?;
    check_before_recovery(disk)?;
    let writer = open_as(disk, "w0", Some(1)).map_err(|error| error.to_string())?;
    let kept: Vec<i32> = visible(disk)?.keys().map(|file| step_of(file)).collect();
    ensure((writer.attempt(), &kept[..]) == (2, &[0, 0, 1, 1]), || {
        format!("attempt {}, steps {kept:?}", writer.attempt())
    })?;
    drop(writer);
    check_after_recovery(disk)
}

#[test]
fn a_resume_that_crashes_anywhere_loses_nothing_and_can_be_repeated() {
    let (whole, recording) = record_resume();
    let states = explore(&recording, |disk, _| judge_resume(disk, &whole)).unwrap();
    println!("resume: {states} states after {} operations", recording.ops.len());
    assert!(states > 15, "only {states} states");
}

#[test]
fn the_simulation_finds_moves_that_the_disk_may_reorder() {
    let (whole, recording) = record_resume();
    let ops = without(|op| matches!(op, Op::SyncDir(dir) if *dir == folder("run=r")))(recording.ops);
    let found = explore(&Recording { ops, ..recording }, |disk, _| judge_resume(disk, &whole));
    assert!(found.is_err_and(|broken| broken.contains("a hole before step")));
}

/// Judge that the steps before the last visible one stand there too.
fn is_beginning(live: &Contents, whole: &Contents) -> Judgement {
    let last = live.keys().next_back().map_or(-1, |file| step_of(file));
    let before = whole.keys().filter(|file| step_of(file) < last);
    ensure(before.clone().all(|file| live.contains_key(file)), || {
        format!("a hole before step {last}")
    })
}

#[test]
fn an_unfinished_resume_that_nobody_repeats_is_tidied_up() {
    let memory = settled(&["w0"], 3);
    drop(open_as(&disk(&memory), "w0", Some(0)).unwrap());
    let judge = |disk: &Disk, _: &BTreeSet<i32>| {
        let writer = open_as(disk, "w0", None).map_err(|error| error.to_string())?;
        let next = i32::try_from(visible(disk)?.len()).unwrap();
        store(&writer, next, 7).map_err(|error| error.to_string())?;
        drop(writer);
        check_after_recovery(disk)?;
        let again = open_as(disk, "w0", None).map_err(|error| error.to_string())?;
        ensure(again.recovery().relogged.is_empty(), || {
            "logged again and again".to_owned()
        })
    };
    explore(&memory.recording(), judge).unwrap();
}

/// Damage a store of steps 0 to 2, open it for writing, and judge every crash of that recovery.
fn crash_in_recovery(damage: impl Fn(&MemoryFs), expected: &[i32]) -> usize {
    let memory = settled(&["w0"], 3);
    damage(&memory);
    let memory = memory.crashed(Crash::Killed);
    drop(open(&disk(&memory), Path::new(ROOT)).unwrap());
    let judge = |disk: &Disk, _: &BTreeSet<i32>| {
        let writer = open(disk, Path::new(ROOT)).map_err(|error| error.to_string())?;
        let found: Vec<i32> = visible(disk)?.keys().map(|file| step_of(file)).collect();
        ensure(found == expected, || format!("found {found:?}"))?;
        for step in 0..3 {
            store(&writer, step, step).map_err(|error| error.to_string())?;
        }
        drop(writer);
        check_after_recovery(disk)
    };
    explore(&memory.recording(), judge).unwrap()
}

fn rewrite(memory: &MemoryFs, path: &Path, bytes: &[u8]) {
    memory.remove(path).unwrap();
    memory.create(path).unwrap().write(bytes).unwrap();
}

#[test]
fn a_recovery_that_crashes_anywhere_can_be_repeated() {
    let log = folder("_twogrpo/log/r.w0.jsonl");
    let without_log = crash_in_recovery(|memory| memory.remove(&log).unwrap(), &[0, 1, 2]);
    let damaged_log = |memory: &MemoryFs| {
        let mut bytes = memory.read_tail(&log, u64::MAX).unwrap();
        bytes[30] ^= 1;
        rewrite(memory, &log, &bytes);
    };
    let with_damaged_log = crash_in_recovery(damaged_log, &[0, 1, 2]);
    let torn_segment = |memory: &MemoryFs| {
        let path = folder("run=r/step-00000001.w0.parquet");
        let bytes = memory.read_tail(&path, u64::MAX).unwrap();
        rewrite(memory, &path, &bytes[..bytes.len() / 2]);
    };
    let with_torn_segment = crash_in_recovery(torn_segment, &[0, 2]);
    println!("recovery: {without_log} + {with_damaged_log} + {with_torn_segment} states");
    assert!(without_log + with_damaged_log + with_torn_segment > 30);
}

#[test]
fn a_repair_of_the_marker_that_crashes_anywhere_can_be_repeated() {
    let memory = settled(&["w0"], 2);
    rewrite(&memory, &folder("_twogrpo/store.json"), b"{\"form");
    let memory = memory.crashed(Crash::Killed);
    Store::repair(&disk(&memory), Path::new(ROOT), true).unwrap();
    let judge = |disk: &Disk, _: &BTreeSet<i32>| {
        Store::repair(disk, Path::new(ROOT), true).map_err(|error| error.to_string())?;
        ensure(visible(disk)?.len() == 2, || "segments are lost".to_owned())?;
        check_after_recovery(disk)
    };
    let states = explore(&memory.recording(), judge).unwrap();
    println!("repair: {states} states");
    assert!(states > 10, "only {states} states");
}

/// Return whether the simulation finds a violation in appends whose operations were changed.
fn is_caught(change: impl Fn(Vec<Op>) -> Vec<Op>) -> bool {
    let recording = record_appends(&settled(&["w0"], 1), 1..2);
    let ops = change(recording.ops);
    explore(&Recording { ops, ..recording }, |disk, acknowledged| {
        judge_appends(disk, acknowledged, 1)
    })
    .is_err()
}

fn without(is_left_out: impl Fn(&Op) -> bool) -> impl Fn(Vec<Op>) -> Vec<Op> {
    move |ops| ops.into_iter().filter(|op| !is_left_out(op)).collect()
}

#[test]
fn the_simulation_passes_what_is_right() {
    assert!(!is_caught(|ops| ops));
}

#[test]
fn the_simulation_finds_a_missing_sync_of_folders() {
    assert!(is_caught(without(|op| matches!(op, Op::SyncDir(_)))));
}

#[test]
fn the_simulation_finds_a_missing_sync_of_files() {
    assert!(is_caught(without(|op| matches!(op, Op::Sync(_)))));
}

#[test]
fn the_simulation_finds_a_rename_before_its_sync() {
    assert!(is_caught(|mut ops| {
        let rename = ops.iter().position(|op| matches!(op, Op::Rename(..))).unwrap();
        assert!(matches!(ops[rename - 1], Op::Sync(_)), "the protocol has changed");
        ops.swap(rename - 1, rename);
        ops
    }));
}

#[test]
fn the_simulation_finds_an_early_acknowledgement() {
    assert!(is_caught(|mut ops| {
        let acknowledged = ops.iter().position(|op| matches!(op, Op::Acknowledged(_))).unwrap();
        let early = ops.remove(acknowledged);
        let rename = ops.iter().position(|op| matches!(op, Op::Rename(..))).unwrap();
        ops.insert(rename + 1, early);
        ops
    }));
}
