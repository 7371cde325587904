//! Damage between two openings: found, named, kept, and mended where the segments allow it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod case;
mod rows;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use case::Case;
use rows::{open, store};
use twogrpo_store::{Recovery, Result, Store, StoreError};

const LOG: &str = "_twogrpo/log/r.w0.jsonl";
const MARKER: &str = "_twogrpo/store.json";

/// Open for writing, close, and return what was found.
fn recover(case: &Case) -> Recovery {
    case.open().recovery().clone()
}

fn repair(case: &Case, deep: bool) -> Result<Recovery> {
    Store::repair(&case.fs, &case.root(), deep)
}

fn problems(case: &Case, deep: bool) -> Vec<String> {
    let problems = case.check(deep).problems.into_iter();
    problems.map(|problem| problem.what).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn error_of<T>(result: Result<T>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_damaged_log_line_is_kept_aside_and_its_segment_logged_again() {
    let case = Case::with_steps(3);
    let before = fs::read_to_string(case.path(LOG)).unwrap();
    flip(&case.path(LOG), before.lines().next().unwrap().len() + 40);
    let recovery = recover(&case);
    assert_eq!((recovery.damaged_lines, recovery.relogged.len()), (1, 1));
    assert_eq!(problems(&case, true), Vec::<String>::new());
    let kept = fs::read_to_string(case.path("_quarantine/_twogrpo.log.r.w0.jsonl.0")).unwrap();
    assert_eq!(kept.lines().count(), 1);
    assert_eq!(fs::read_to_string(case.path(LOG)).unwrap().lines().count(), 3);
    assert_eq!(recover(&case), Recovery::default());
}

#[test]
fn a_log_of_noise_is_rebuilt() {
    let case = Case::with_steps(2);
    let noise: Vec<u8> = (0..3000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    fs::write(case.path(LOG), noise).unwrap();
    let recovery = recover(&case);
    assert!(recovery.damaged_lines > 0);
    assert_eq!((recovery.relogged.len(), problems(&case, true)), (2, vec![]));
}

#[test]
fn a_rebuilt_log_still_tells_of_a_loss() {
    let case = Case::with_steps(3);
    let first = fs::read_to_string(case.path(LOG))
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .len();
    flip(&case.path(LOG), first + 40);
    fs::remove_file(case.segment(2)).unwrap();
    assert_eq!(recover(&case).lost, ["run=r/step-00000002.w0.parquet"]);
    assert_eq!(recover(&case).lost, ["run=r/step-00000002.w0.parquet"]);
}

#[test]
fn the_log_of_another_writer_is_no_log_of_this_one() {
    let case = Case::with_steps(1);
    fs::copy(case.path(LOG), case.path("_twogrpo/log/r.w1.jsonl")).unwrap();
    assert_eq!(recover(&case).damaged_lines, 1);
    assert_eq!(problems(&case, true), Vec::<String>::new());
}

#[test]
fn a_deleted_log_is_rebuilt_for_superseded_segments_too() {
    let case = Case::with_steps(4);
    let writer = case.resume(1).unwrap();
    store(&writer, 2, 9).unwrap();
    drop(writer);
    fs::remove_dir_all(case.path("_twogrpo/log")).unwrap();
    assert_eq!(problems(&case, false).len(), 5);
    assert_eq!(recover(&case).relogged.len(), 5);
    assert_eq!(problems(&case, true), Vec::<String>::new());
    assert_eq!(recover(&case), Recovery::default());
}

#[test]
fn a_segment_without_a_line_is_not_logged_before_its_values_are_checked() {
    let case = Case::with_steps(1);
    fs::remove_file(case.path(LOG)).unwrap();
    let mut bytes = fs::read(case.segment(0)).unwrap();
    bytes[40..400].fill(0);
    fs::write(case.segment(0), bytes).unwrap();
    let recovery = recover(&case);
    assert_eq!(
        (recovery.relogged.len(), recovery.quarantined.len()),
        (0, 1),
        "{recovery:?}"
    );
}

#[test]
fn a_footer_that_is_not_the_logged_one_is_quarantined_at_open() {
    let case = Case::with_steps(2);
    let other = Case::with_steps(0);
    store(&other.open(), 1, 7).unwrap();
    fs::copy(other.segment(1), case.segment(1)).unwrap();
    let recovery = recover(&case);
    assert_eq!(recovery.quarantined.len(), 1, "{recovery:?}");
    assert!(recovery.quarantined[0].contains("logged") || recovery.quarantined[0].contains("the log says"));
    assert_eq!(case.files(), ["step-00000000.w0.parquet"]);
}

#[test]
fn a_repetition_of_rows_that_were_damaged_is_not_acknowledged() {
    let case = Case::with_steps(1);
    let mut bytes = fs::read(case.segment(0)).unwrap();
    bytes[40..400].fill(0);
    fs::write(case.segment(0), bytes).unwrap();
    let error = store(&case.open(), 0, 0).unwrap_err().to_string();
    assert!(
        error.contains("step-00000000.w0.parquet") && error.contains("--repair"),
        "{error}"
    );
    assert_eq!(repair(&case, true).unwrap().quarantined.len(), 1);
    store(&case.open(), 0, 0).unwrap();
    assert_eq!(problems(&case, true), Vec::<String>::new());
}

#[test]
fn the_quarantine_never_overwrites() {
    let case = Case::with_steps(2);
    for copy in 0..3 {
        cut(&case.segment(1));
        let writer = case.open();
        assert_eq!(writer.recovery().quarantined.len(), 1);
        store(&writer, 1, copy).unwrap();
    }
    let kept = ["0", "1", "2"].map(|copy| format!("run=r.step-00000001.w0.parquet.{copy}"));
    assert_eq!(case.names("_quarantine"), kept);
}

#[test]
fn a_quarantined_segment_is_reported_as_lost_until_its_step_is_stored_again() {
    let case = Case::with_steps(2);
    cut(&case.segment(1));
    assert_eq!(recover(&case).lost, ["run=r/step-00000001.w0.parquet"]);
    let writer = case.open();
    store(&writer, 1, 1).unwrap();
    drop(writer);
    assert_eq!(recover(&case).lost, Vec::<String>::new());
}

#[test]
fn a_wrong_hash_waits_for_a_deep_repair() {
    let case = Case::with_steps(2);
    flip(&case.segment(1), 100);
    assert_eq!(recover(&case), Recovery::default());
    assert_eq!(repair(&case, false).unwrap(), Recovery::default());
    assert_eq!(repair(&case, true).unwrap().quarantined.len(), 1);
    assert_eq!(case.names("_quarantine"), ["run=r.step-00000001.w0.parquet.0"]);
    assert_eq!(problems(&case, true).len(), 1);
    assert!(problems(&case, true)[0].starts_with("lost"));
}

#[test]
fn a_deep_repair_sets_damaged_superseded_segments_aside() {
    let case = Case::with_steps(3);
    drop(case.resume(0).unwrap());
    flip(
        &case.path("_superseded/run=r/attempt-0001/step-00000002.w0.parquet"),
        100,
    );
    assert_eq!(repair(&case, true).unwrap().quarantined.len(), 1);
    let aside = ["_superseded.run=r.attempt-0001.step-00000002.w0.parquet.0"];
    assert_eq!(case.names("_quarantine"), aside);
}

#[test]
fn a_repair_leaves_a_living_writers_files_alone() {
    let case = Case::with_steps(2);
    let _writer = case.open();
    flip(&case.segment(1), 100);
    let recovery = repair(&case, true).unwrap();
    assert_eq!(
        (recovery.quarantined.len(), &recovery.skipped[..]),
        (0, &["r.w0".to_owned()][..])
    );
    assert!(case.segment(1).exists());
}

#[test]
fn a_store_without_its_private_folder_says_what_to_do_and_is_repaired() {
    let case = Case::with_steps(2);
    fs::remove_dir_all(case.path("_twogrpo")).unwrap();
    for error in [
        error_of(open(&case.fs, &case.root())),
        error_of(Store::open(Arc::clone(&case.fs), &case.root())),
    ] {
        assert!(error.contains("holds segments and no _twogrpo/store.json"), "{error}");
        assert!(error.contains("store check --repair"), "{error}");
    }
    let recovery = repair(&case, false).unwrap();
    assert_eq!((recovery.rewrote_marker, recovery.relogged.len()), (true, 2));
    assert_eq!(problems(&case, true), Vec::<String>::new());
    assert_eq!(recover(&case), Recovery::default());
}

#[test]
fn a_damaged_marker_says_what_to_do_and_is_kept_when_it_is_repaired() {
    for damaged in ["", "{\"format\"", "[]", "{\"format\":\"one\"}"] {
        let case = Case::with_steps(1);
        fs::write(case.path(MARKER), damaged).unwrap();
        let error = error_of(Store::open(Arc::clone(&case.fs), &case.root()));
        assert!(
            error.contains("store.json is damaged") && error.contains("--repair"),
            "{error}"
        );
        assert!(repair(&case, false).unwrap().rewrote_marker);
        assert_eq!(case.names("_quarantine"), ["_twogrpo.store.json.0"]);
        assert_eq!(problems(&case, true), Vec::<String>::new());
    }
}

#[test]
fn a_marker_of_another_format_is_not_repaired() {
    let case = Case::with_steps(1);
    for marker in ["{\"format\":2}", "{\"format\":2,\"uuid\":\"x\",\"more\":1}"] {
        fs::write(case.path(MARKER), marker).unwrap();
        assert!(matches!(repair(&case, true), Err(StoreError::Format { .. })));
        assert_eq!(fs::read_to_string(case.path(MARKER)).unwrap(), marker);
    }
}

#[test]
fn a_folder_that_no_segment_shows_to_be_a_store_is_not_made_one() {
    let case = Case::with_steps(1);
    fs::write(case.segment(0), "noise").unwrap();
    fs::remove_dir_all(case.path("_twogrpo")).unwrap();
    assert!(matches!(repair(&case, false), Err(StoreError::Unmarked(_))));
    fs::remove_dir_all(case.path("run=r")).unwrap();
    assert!(matches!(repair(&case, false), Err(StoreError::NotAStore(_))));
    assert_eq!(case.names(""), Vec::<String>::new());
}

#[test]
fn a_repair_of_a_whole_store_does_nothing() {
    let case = Case::with_steps(2);
    assert_eq!(repair(&case, true).unwrap(), Recovery::default());
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_segment_is_not_waited_for() {
    let case = Case::with_steps(1);
    fs::remove_file(case.segment(0)).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(case.segment(0))
        .status()
        .unwrap();
    assert!(made.success());
    let error = error_of(open(&case.fs, &case.root()));
    assert!(
        error.contains("step-00000000.w0.parquet") && error.contains("no regular file"),
        "{error}"
    );
}
