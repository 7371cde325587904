//! Compacting: what the new store holds, what is refused, and that the old one is only read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod case;
mod rows;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_select::concat::concat_batches;
use case::{Case, check_is_clean, read, rows_of_segments, store_at};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::RowGroupMetaData;
use rows::{many_rows, options, store};
use twogrpo_store::{Disk, FileSystem, StoreError, Writer, WriterOptions};

#[test]
fn a_compacted_store_has_a_file_for_64_steps_of_a_writer() {
    let case = Case::with_evaluations(70);
    let compaction = case.store().compact(&case.beside("copy")).unwrap();
    assert_eq!(
        case.fs.list(&case.beside("copy").join("run=r")).unwrap(),
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
    let report = check_is_clean(&case.fs, &case.beside("copy"));
    assert_eq!(
        (report.segments, report.rows, report.bytes),
        (4, 560, compaction.bytes_after)
    );
}

#[test]
fn a_compacted_store_holds_the_same_rows_in_the_same_order() {
    let case = Case::with_evaluations(3);
    case.store().compact(&case.beside("copy")).unwrap();
    let folder = case.path("run=r");
    let single = (0..3).map(|step| read(&Disk, &folder.join(format!("step-{step:08}.w0.parquet"))));
    let single: Vec<_> = single.collect();
    let expected = concat_batches(&single[0].schema(), &single).unwrap();
    assert_eq!(
        read(
            &Disk,
            &case.beside("copy").join("run=r/steps-00000000-00000002.w0.parquet")
        ),
        expected
    );
}

#[test]
fn row_groups_of_a_compacted_store_hold_2048_rows() {
    let case = Case::new();
    let writer = case.open();
    let many = many_rows(300);
    (0..3).for_each(|step| writer.append(&many, step, "train").unwrap());
    writer.close().unwrap();
    case.store().compact(&case.beside("copy")).unwrap();
    let file = fs::File::open(case.beside("copy").join("run=r/steps-00000000-00000002.w0.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let sizes: Vec<_> = reader
        .metadata()
        .row_groups()
        .iter()
        .map(RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(sizes, [2048, 1552]);
    check_is_clean(&case.fs, &case.beside("copy"));
}

#[test]
fn a_file_of_a_compacted_store_holds_one_attempt_and_superseded_rollouts_are_left_out() {
    let case = Case::filled();
    let compaction = case.store().compact(&case.beside("copy")).unwrap();
    assert_eq!((compaction.superseded_segments, compaction.superseded_rows), (2, 8));
    assert_eq!(
        case.fs.list(&case.beside("copy").join("run=r")).unwrap(),
        [
            "steps-00000000-00000001.w0.parquet",
            "steps-00000002-00000002.w0.parquet"
        ]
    );
}

#[test]
fn a_compacted_store_can_be_compacted_again() {
    let case = Case::with_evaluations(70);
    case.store().compact(&case.beside("copy")).unwrap();
    let again = case.beside("again");
    store_at(&case.fs, &case.beside("copy")).compact(&again).unwrap();
    let of_writers = |path: &Path| rows_of_segments(case.fs.as_ref(), path);
    assert_eq!(of_writers(&again), of_writers(&case.beside("copy")));
}

#[test]
fn any_flipped_bit_of_a_compacted_store_is_found() {
    let case = Case::with_evaluations(2);
    case.store().compact(&case.beside("copy")).unwrap();
    let file = case.beside("copy").join("run=r/steps-00000000-00000001.w0.parquet");
    let bytes = fs::read(&file).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&file, &flipped).unwrap();
        let report = store_at(&case.fs, &case.beside("copy")).check(true).unwrap();
        assert!(!report.problems.is_empty(), "byte {at}");
    }
}

#[test]
fn a_compacted_run_takes_no_more_rollouts() {
    let case = Case::with_evaluations(2);
    case.store().compact(&case.beside("copy")).unwrap();
    let refused = |resume_step| {
        let options = WriterOptions {
            resume_step,
            ..options(&case.beside("copy"))
        };
        matches!(
            Writer::open(Arc::clone(&case.fs), options),
            Err(StoreError::Copy { .. })
        )
    };
    assert!(refused(None) && refused(Some(0)));
    check_is_clean(&case.fs, &case.beside("copy"));
}

#[test]
fn another_run_can_be_written_into_a_compacted_store() {
    let case = Case::with_evaluations(2);
    case.store().compact(&case.beside("copy")).unwrap();
    let other = WriterOptions {
        run_id: "other".to_owned(),
        ..options(&case.beside("copy"))
    };
    let writer = Writer::open(Arc::clone(&case.fs), other).unwrap();
    store(&writer, 0, 0).unwrap();
    assert_eq!(check_is_clean(&case.fs, &case.beside("copy")).rows, 20);
}

#[test]
fn a_place_that_is_taken_or_inside_the_store_is_refused() {
    let case = Case::with_evaluations(1);
    fs::create_dir(case.beside("copy")).unwrap();
    let refused = |to: &Path| matches!(case.store().compact(to), Err(StoreError::Target { .. }));
    assert!(refused(&case.beside("copy")));
    assert!(refused(&case.path("copy")));
    assert!(refused(&case.root()));
    let hidden = |name: &String| name.starts_with('.');
    assert!(!Disk.list(&case.beside("")).unwrap().iter().any(hidden));
}

#[test]
fn a_damaged_store_is_not_compacted() {
    let case = Case::with_evaluations(2);
    let file = case.segment(1);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(
        matches!(case.store().compact(&case.beside("copy")), Err(StoreError::Damaged { path, .. }) if path == file)
    );
    assert!(!case.beside("copy").exists());
}

#[test]
fn what_is_put_beside_the_rollouts_takes_its_name_with_them() {
    let case = Case::with_evaluations(1);
    let complete = |staging: &Path| {
        assert!(!case.beside("copy").exists());
        fs::write(staging.join("notes"), "mine").unwrap();
        Ok::<_, StoreError>(())
    };
    case.store().compact_with(&case.beside("copy"), complete).unwrap();
    assert_eq!(fs::read_to_string(case.beside("copy").join("notes")).unwrap(), "mine");
}

#[test]
fn no_new_store_is_left_of_one_that_cannot_be_completed() {
    let case = Case::with_evaluations(1);
    let complete = |staging: &Path| {
        let tables = staging.join("_verdicts/run=r");
        fs::create_dir_all(&tables).unwrap();
        fs::write(tables.join("half.parquet"), "half a table").unwrap();
        Err(StoreError::NotAStore(tables))
    };
    let refused = case.store().compact_with(&case.beside("copy"), complete);
    assert!(matches!(refused, Err(StoreError::NotAStore(_))));
    assert_eq!(Disk.list(&case.beside("")).unwrap(), ["rollouts"]);
}
