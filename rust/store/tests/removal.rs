//! Pruning and purging: what goes, what stays, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod case;
mod rows;

use std::collections::BTreeSet;
use std::fs;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use case::{Case, check_is_clean, read, rows_of_segments, store_at};
use rows::{first_prompt, store};
use twogrpo_store::{Disk, FileSystem, Pruning, Result, SegmentChange, StoreError, prompt_id};

fn steps_before(step: i32) -> Pruning {
    Pruning {
        steps_before: Some(step),
        ..Pruning::default()
    }
}

fn pruned(case: &Case, pruning: &Pruning) -> Vec<SegmentChange> {
    case.store().prune(pruning, false).unwrap()
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
    let aside = case.path("_superseded/run=r/attempt-0001");
    for folder in [case.path("run=r"), aside] {
        for file in Disk.list(&folder).unwrap() {
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
    let case = Case::with_evaluations(3);
    case.store().compact(&case.beside("copy")).unwrap();
    store_at(&case.fs, &case.beside("copy"))
        .purge(&first_prompt(), false)
        .unwrap();
    let rows = rows_of_segments(case.fs.as_ref(), &case.beside("copy"));
    assert_eq!(rows["steps-00000000-00000002.w0.parquet"], 6);
    check_is_clean(&case.fs, &case.beside("copy"));
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
    let writer = case.open();
    store(&writer, 2, 9).unwrap();
    assert_eq!(rows_of_segments(&Disk, &case.root())["step-00000002.w0.parquet"], 2);
    assert!(matches!(store(&writer, 2, 8), Err(StoreError::StepConflict { .. })));
}

#[test]
fn a_pruned_step_can_be_appended_again_and_stays_gone() {
    let case = Case::filled();
    pruned(&case, &steps_before(9));
    let writer = case.open();
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
    pruned(&case, &steps_before(9));
    let writer = case.resume(-1).unwrap();
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
    assert_eq!(pruned(&case, &superseded).len(), 2);
    assert_eq!(pruned(&case, &superseded), []);
    let writer = case.resume(1).unwrap();
    assert_eq!((writer.attempt(), writer.recovery().lost.len()), (3, 0));
    drop(writer);
    assert_eq!(check_is_clean(&case.fs, &case.root()).superseded, 1);
}

#[test]
fn a_crash_before_the_log_line_of_a_place_that_was_pruned_is_recovered() {
    let case = Case::filled();
    pruned(&case, &steps_before(9));
    let writer = case.resume(-1).unwrap();
    store(&writer, 0, 5).unwrap();
    writer.close().unwrap();
    drop(writer);
    let log = case.path("_twogrpo/log/r.w0.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let without_last = text.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(&log, format!("{without_last}\n")).unwrap();
    assert_eq!(case.open().recovery().relogged.len(), 1);
    assert_eq!(case.files().len(), 1);
    check_is_clean(&case.fs, &case.root());
}

#[test]
fn evaluations_are_pruned_by_phase_and_step() {
    let case = Case::with_evaluations(3);
    let evaluations = Pruning {
        phase: Some("eval".to_owned()),
        ..steps_before(2)
    };
    assert_eq!(pruned(&case, &evaluations).len(), 2);
    let eval: Vec<_> = case.files().into_iter().filter(|file| file.contains("eval")).collect();
    assert_eq!(eval, ["step-00000002.eval.parquet"]);
    assert_eq!(case.files().len(), 4);
}

#[test]
fn columns_of_chosen_steps_lose_their_values_and_the_rows_stay() {
    let case = Case::with_evaluations(2);
    let pruning = Pruning {
        columns: vec!["response_ids".to_owned(), "logprobs".to_owned()],
        phase: Some("train".to_owned()),
        ..steps_before(1)
    };
    let changes = pruned(&case, &pruning);
    assert_eq!(changes.len(), 1);
    assert!(changes[0].bytes_after < changes[0].bytes_before);
    let rows = read(&Disk, &case.segment(0));
    assert_eq!((rows.num_rows(), rows["response_ids"].null_count()), (4, 4));
    assert_eq!(rows["response_len"].as_primitive::<Int32Type>().values(), &[1, 2, 3, 4]);
    assert_eq!(pruned(&case, &pruning), []);
    check_is_clean(&case.fs, &case.root());
}

#[test]
fn a_column_that_rows_need_is_not_dropped() {
    let case = Case::with_evaluations(1);
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
    let file = case.segment(2);
    fs::write(&file, b"torn").unwrap();
    drop(case.open());
    let pruning = Pruning {
        quarantine: true,
        ..Pruning::default()
    };
    assert_eq!(pruned(&case, &pruning)[0].bytes_before, 4);
    assert!(case.names("_quarantine").is_empty());
}

#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let case = Case::filled();
    let snapshot = || {
        let folders = ["run=r", "_superseded/run=r/attempt-0001", "_twogrpo/log"];
        folders.map(|folder| {
            let folder = case.root().join(folder);
            let files = Disk.list(&folder).unwrap().into_iter();
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
    assert_eq!(rows(&would), rows(&pruned(&case, &steps_before(2))));
}

#[test]
fn a_living_writer_keeps_everything_as_it_is() {
    let case = Case::filled();
    let _writer = case.open();
    let refused = |result: Result<Vec<SegmentChange>>| matches!(result, Err(StoreError::Locked { .. }));
    assert!(refused(case.store().purge(&first_prompt(), false)));
    assert!(refused(case.store().prune(&steps_before(9), false)));
    assert_eq!(case.files().len(), 3);
}

#[test]
fn a_damaged_segment_is_not_rewritten() {
    let case = Case::with_evaluations(1);
    case.flip_a_logprob(0);
    assert!(matches!(
        case.store().purge(&first_prompt(), false),
        Err(StoreError::Damaged { .. })
    ));
}
