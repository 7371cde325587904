//! A store on the real disk: what is appended, refused, moved aside and found damaged.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod case;
mod rows;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type};
use case::{Case, read};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rows::{open, rows, store};
use twogrpo_store::schema::{LogprobDtype, schema};
use twogrpo_store::{DataError, Disk, FileSystem, Store, StoreError, WriterOptions};

#[test]
fn a_segment_holds_the_rows_and_what_can_be_derived() {
    let case = Case::with_steps(1);
    let stored = read(&Disk, &case.segment(0));
    assert_eq!(stored.schema().fields(), schema(LogprobDtype::Float32, &[]).fields());
    let reward: Vec<_> = stored["reward"].as_primitive::<Float32Type>().iter().collect();
    assert_eq!(reward, [Some(1.0), Some(0.0), None, Some(1.0)]);
    let lengths: Vec<_> = stored["response_len"]
        .as_primitive::<Int32Type>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(lengths, [1, 2, 3, 4]);
    let sums: Vec<_> = stored["logprob_sum"]
        .as_primitive::<Float64Type>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(sums, [-0.5, -2.0, -4.5, -8.0]);
}

#[test]
fn float16_rounds_the_logprobs_and_not_their_sum() {
    let case = Case::new();
    let writer = case
        .open_with(|options| options.logprobs = LogprobDtype::Float16)
        .unwrap();
    store(&writer, 0, 0).unwrap();
    let stored = read(&Disk, &case.segment(0));
    assert_eq!(stored.schema().fields(), schema(LogprobDtype::Float16, &[]).fields());
    assert!((stored["logprob_sum"].as_primitive::<Float64Type>().value(3) + 8.0).abs() < 1e-12);
    assert_eq!(case.check(true).problems, []);
}

#[test]
fn text_columns_have_no_statistics() {
    let case = Case::with_steps(1);
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(case.segment(0)).unwrap()).unwrap();
    for column in reader.metadata().row_group(0).columns() {
        let is_text = ["prompt", "response", "gold", "run_id"].contains(&column.column_path().string().as_str());
        assert!(!is_text || column.statistics().is_none(), "{}", column.column_path());
    }
}

#[test]
fn appending_the_same_rows_again_succeeds() {
    let case = Case::with_steps(1);
    let writer = case.open();
    store(&writer, 0, 0).unwrap();
    assert_eq!(case.files().len(), 1);
}

#[test]
fn other_rows_for_a_stored_step_are_a_conflict() {
    let case = Case::with_steps(1);
    let before = fs::read(case.segment(0)).unwrap();
    let writer = case.open();
    assert!(matches!(
        store(&writer, 0, 1),
        Err(StoreError::StepConflict { step: 0, .. })
    ));
    assert_eq!(fs::read(case.segment(0)).unwrap(), before);
}

#[test]
fn the_error_of_an_append_comes_with_the_next_call() {
    let case = Case::with_steps(1);
    let writer = case.open();
    writer.append(&rows(1), 0, "train").unwrap();
    // Without a flush: the error comes up as soon as the thread has met it.
    let error = std::iter::repeat_with(|| writer.append(&rows(1), 1, "train")).find_map(Result::err);
    assert!(matches!(error, Some(StoreError::StepConflict { step: 0, .. })));
}

#[test]
fn a_second_living_writer_of_the_same_name_is_refused() {
    let case = Case::new();
    let _writer = case.open();
    match open(&case.fs, &case.root()) {
        Err(StoreError::Locked { holder, .. }) => assert_eq!(holder, std::process::id().to_string()),
        other => panic!("opened: {}", other.is_ok()),
    }
}

#[test]
fn two_writers_append_at_once() {
    let case = Case::new();
    let writers = [case.other("w0"), case.other("w1")];
    std::thread::scope(|scope| {
        for writer in &writers {
            scope.spawn(|| (0..10).for_each(|step| store(writer, step, step).unwrap()));
        }
    });
    assert_eq!((case.check(true).segments, case.check(true).problems), (20, vec![]));
}

#[test]
fn resuming_moves_later_steps_aside_and_begins_an_attempt() {
    let case = Case::with_steps(4);
    let writer = case.resume(1).unwrap();
    assert_eq!(writer.attempt(), 2);
    assert_eq!(case.files(), ["step-00000000.w0.parquet", "step-00000001.w0.parquet"]);
    store(&writer, 2, 9).unwrap();
    writer.close().unwrap();
    assert_eq!(
        read(
            &Disk,
            &case.path("_superseded/run=r/attempt-0001/step-00000002.w0.parquet")
        )
        .num_rows(),
        4
    );
    let report = case.check(true);
    assert_eq!((report.segments, report.superseded, report.problems), (3, 2, vec![]));
}

#[test]
fn a_writer_that_is_ahead_keeps_one_step_more() {
    let case = Case::with_steps(3);
    let other = case.other("eval");
    (0..3).for_each(|step| store(&other, step, step).unwrap());
    other.close().unwrap();
    let ahead = |options: &mut WriterOptions| {
        options.resume_step = Some(0);
        options.keep_ahead = Some("eval".to_owned());
    };
    drop(case.open_with(ahead).unwrap());
    let kept = [
        "step-00000000.eval.parquet",
        "step-00000000.w0.parquet",
        "step-00000001.eval.parquet",
    ];
    assert_eq!(case.files(), kept);
    assert_eq!(case.check(true).problems, []);
}

#[test]
fn a_resume_that_nothing_followed_is_repeated_without_another_attempt() {
    let case = Case::with_steps(4);
    drop(case.resume(1).unwrap());
    assert_eq!(case.resume(0).unwrap().attempt(), 2);
    assert_eq!(case.files(), ["step-00000000.w0.parquet"]);
}

#[test]
fn each_attempt_keeps_what_it_ended_with() {
    let case = Case::with_steps(3);
    let writer = case.resume(0).unwrap();
    (1..3).for_each(|step| store(&writer, step, 7).unwrap());
    writer.close().unwrap();
    assert_eq!(case.resume(-1).unwrap().attempt(), 3);
    let held = |attempt: &str| Disk.list(&case.path("_superseded/run=r").join(attempt)).unwrap().len();
    assert_eq!(
        (held("attempt-0001"), held("attempt-0002"), case.files().len()),
        (2, 3, 0)
    );
    assert_eq!(case.check(true).problems, []);
}

#[test]
fn a_run_opened_again_goes_on_with_its_attempt() {
    let case = Case::with_steps(2);
    drop(case.resume(0).unwrap());
    assert_eq!(case.open().attempt(), 2);
}

#[test]
fn resuming_is_refused_while_another_writer_lives() {
    let case = Case::with_steps(2);
    let _other = case.other("w1");
    assert!(matches!(case.resume(0), Err(StoreError::Locked { writer, .. }) if writer == "w1"));
    assert_eq!(case.files().len(), 2);
}

#[test]
fn a_dead_writers_temporary_file_is_removed() {
    let case = Case::with_steps(1);
    let left = case.path("_twogrpo/tmp/r.w1.4242-1.tmp");
    fs::write(&left, b"torn").unwrap();
    assert_eq!(case.open().recovery().removed_temporaries, 1);
    assert!(!left.exists());
}

#[test]
fn a_living_writers_temporary_file_is_left() {
    let case = Case::with_steps(1);
    let _other = case.other("w1");
    let left = case.path("_twogrpo/tmp/r.w1.4242-1.tmp");
    fs::write(&left, b"under way").unwrap();
    assert_eq!(case.open().recovery().removed_temporaries, 0);
    assert!(left.exists());
}

#[test]
fn a_missing_log_is_rebuilt() {
    let case = Case::with_steps(2);
    fs::remove_file(case.path("_twogrpo/log/r.w0.jsonl")).unwrap();
    assert_eq!(case.check(false).problems.len(), 2);
    assert_eq!(case.open().recovery().relogged.len(), 2);
    assert_eq!(case.check(true).problems, []);
}

#[test]
fn a_missing_segment_is_reported_as_lost() {
    let case = Case::with_steps(2);
    fs::remove_file(case.segment(1)).unwrap();
    assert_eq!(case.open().recovery().lost, ["run=r/step-00000001.w0.parquet"]);
    assert!(case.check(false).problems[0].what.starts_with("lost"));
}

#[test]
fn a_truncated_segment_is_set_aside() {
    let case = Case::with_steps(2);
    let bytes = fs::read(case.segment(1)).unwrap();
    fs::write(case.segment(1), &bytes[..bytes.len() / 2]).unwrap();
    let writer = case.open();
    assert_eq!(writer.recovery().quarantined.len(), 1);
    assert_eq!(case.files(), ["step-00000000.w0.parquet"]);
    store(&writer, 1, 1).unwrap();
    assert_eq!(case.check(true).problems, []);
}

#[test]
fn any_flipped_bit_is_found_by_a_deep_check() {
    let case = Case::with_steps(1);
    let bytes = fs::read(case.segment(0)).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(case.segment(0), &flipped).unwrap();
        assert!(!case.check(true).problems.is_empty(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn a_flipped_value_is_found_without_the_log() {
    let case = Case::with_steps(1);
    fs::remove_file(case.path("_twogrpo/log/r.w0.jsonl")).unwrap();
    let clean = case.check(true).problems.len();
    case.flip_a_logprob(0);
    assert_eq!(case.check(true).problems.len(), clean + 1);
}

#[test]
fn a_foreign_file_under_the_glob_is_reported() {
    let case = Case::with_steps(1);
    fs::write(case.path("run=r/more.parquet"), b"").unwrap();
    assert_eq!(case.check(false).problems.len(), 1);
}

#[test]
fn a_folder_without_a_store_is_refused() {
    let case = Case::new();
    assert!(matches!(
        Store::open(Arc::clone(&case.fs), &case.root()),
        Err(StoreError::NotAStore(_))
    ));
}

#[test]
fn a_store_of_a_later_format_is_refused() {
    let case = Case::with_steps(1);
    fs::write(case.path("_twogrpo/store.json"), br#"{"format":2,"uuid":"x"}"#).unwrap();
    assert!(matches!(open(&case.fs, &case.root()), Err(StoreError::Format { found, .. }) if found == "2"));
}

#[cfg(unix)]
#[test]
fn files_and_folders_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let case = Case::with_steps(1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&case.path("run=r")), mode(&case.segment(0))), (0o700, 0o600));
}

#[test]
fn a_closed_writer_refuses() {
    let case = Case::with_steps(1);
    let writer = case.open();
    writer.close().unwrap();
    writer.close().unwrap();
    assert!(matches!(
        writer.append(&rows(0), 5, "train"),
        Err(StoreError::Closed { .. })
    ));
}

#[test]
fn a_negative_step_and_an_unknown_phase_are_refused() {
    let case = Case::new();
    let writer = case.open();
    let refused = |result| matches!(result, Err(StoreError::Data(DataError::Argument { .. })));
    assert!(refused(writer.append(&rows(0), -1, "train")));
    assert!(refused(writer.append(&rows(0), 0, "test")));
}

#[test]
fn a_segment_that_is_cut_off_is_refused_before_it_is_read() {
    let case = Case::with_steps(2);
    let bytes = fs::read(case.segment(1)).unwrap();
    fs::write(case.segment(1), &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(case.store().reward_columns(), Err(StoreError::Segment { .. })));
    let problems = case.check(false).problems;
    assert_eq!((problems.len(), problems[0].is_damage), (1, true));
}

#[test]
fn what_only_stands_beside_the_rows_is_no_damage() {
    let case = Case::with_steps(1);
    fs::remove_file(case.path("_twogrpo/log/r.w0.jsonl")).unwrap();
    fs::write(case.path("run=r/notes.txt"), "mine").unwrap();
    let problems = case.check(true).problems;
    assert_eq!(problems.iter().filter(|problem| problem.is_damage).count(), 0);
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_check_names_the_tokenizers() {
    let case = Case::new();
    let writer = case
        .open_with(|options| options.provenance.tokenizer_hash = Some("t".to_owned()))
        .unwrap();
    store(&writer, 0, 0).unwrap();
    writer.close().unwrap();
    assert_eq!(case.check(false).tokenizers.into_iter().collect::<Vec<_>>(), ["t"]);
}
