//! Flipped bits and cut files: a deep check finds every one, and nothing panics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod case;
mod rows;

use std::collections::BTreeSet;
use std::fs;

use case::Case;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;
use rows::many_rows;

/// A store of one segment whose columns have several pages.
struct Whole {
    case: Case,
    bytes: Vec<u8>,
}

impl Whole {
    fn new() -> Self {
        let case = Case::new();
        let writer = case.open();
        writer.append(&many_rows(40), 0, "train").unwrap();
        writer.close().unwrap();
        let bytes = fs::read(case.segment(0)).unwrap();
        Self { case, bytes }
    }

    fn is_damaged(&self, bytes: &[u8]) -> bool {
        fs::write(self.case.segment(0), bytes).unwrap();
        let problems = self.case.check(true).problems;
        problems.iter().any(|problem| problem.is_damage)
    }

    /// Return where each part of the file begins: header, pages, page index, footer, tail.
    fn parts(&self) -> Vec<usize> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let file = fs::File::open(self.case.segment(0)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        let columns = reader.metadata().row_group(0).columns();
        let mut parts = BTreeSet::from([0, 4, self.bytes.len() - 8, self.bytes.len()]);
        for column in columns {
            let offsets = [
                Some(i64::try_from(column.byte_range().0).unwrap()),
                column.column_index_offset(),
                column.offset_index_offset(),
            ];
            parts.extend(
                offsets
                    .into_iter()
                    .flatten()
                    .map(|offset| usize::try_from(offset).unwrap()),
            );
        }
        let tail = &self.bytes[self.bytes.len() - 8..];
        let footer = u32::from_le_bytes(tail[..4].try_into().unwrap());
        parts.insert(self.bytes.len() - 8 - usize::try_from(footer).unwrap());
        parts.into_iter().collect()
    }

    /// Return positions in every part: its first and last bytes, and some between.
    fn positions(&self) -> BTreeSet<usize> {
        let parts = self.parts();
        let in_part = |part: &[usize]| {
            let (start, end) = (part[0], part[1]);
            let step = ((end - start) / 6).max(1);
            (start..end).step_by(step).chain([end - 1])
        };
        parts.windows(2).flat_map(in_part).collect()
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let whole = Whole::new();
    let positions = whole.positions();
    assert!(positions.len() > 400, "only {} positions", positions.len());
    for (number, at) in positions.iter().enumerate() {
        // One bit, or all eight.
        let mask = if number % 2 == 0 { 1 << (at % 8) } else { 0xFF };
        let mut bytes = whole.bytes.clone();
        bytes[*at] ^= mask;
        assert!(
            whole.is_damaged(&bytes),
            "byte {at} of {}, mask {mask:02x}",
            bytes.len()
        );
    }
    println!("{} flips", positions.len());
    assert!(!whole.is_damaged(&whole.bytes));
}

#[test]
fn every_length_that_a_cut_leaves_is_found() {
    let whole = Whole::new();
    let mut lengths: BTreeSet<usize> = (0..16).chain((1..64).map(|short| whole.bytes.len() - short)).collect();
    for part in whole.parts() {
        lengths.extend([part.saturating_sub(1), part, part + 1]);
    }
    lengths.retain(|length| *length < whole.bytes.len());
    for length in &lengths {
        assert!(whole.is_damaged(&whole.bytes[..*length]), "cut to {length} bytes");
    }
    println!("{} lengths", lengths.len());
    assert!(lengths.len() > 200);
}

#[test]
fn bytes_that_are_more_or_zeros_or_another_steps_are_found() {
    let whole = Whole::new();
    assert!(whole.is_damaged(&[&whole.bytes[..], b"x"].concat()));
    assert!(whole.is_damaged(&[&whole.bytes[..], &whole.bytes[..]].concat()));
    assert!(whole.is_damaged(&vec![0; whole.bytes.len()]));
    for (start, end) in [(4, 4096), (whole.bytes.len() - 4096, whole.bytes.len())] {
        let mut bytes = whole.bytes.clone();
        bytes[start..end].fill(0);
        assert!(whole.is_damaged(&bytes), "zeros from {start} to {end}");
    }
}

#[test]
fn no_flipped_byte_of_an_unlogged_segment_panics() {
    let whole = Whole::new();
    let log = whole.case.path("_twogrpo/log/r.w0.jsonl");
    for at in whole.positions().into_iter().step_by(5) {
        let mut bytes = whole.bytes.clone();
        bytes[at] ^= 0xFF;
        fs::write(whole.case.segment(0), &bytes).unwrap();
        fs::remove_file(&log).unwrap_or_default();
        let writer = whole.case.open();
        assert_eq!(
            writer.recovery().relogged.len() + writer.recovery().quarantined.len(),
            1,
            "byte {at}"
        );
    }
}
