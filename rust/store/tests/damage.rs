//! Flipped bits and cut files: a deep check finds every one, and nothing panics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;
use tempfile::TempDir;
use twogrpo_store::{Disk, FileSystem, Store};

struct Case {
    _folder: TempDir,
    root: PathBuf,
    segment: PathBuf,
    bytes: Vec<u8>,
}

impl Case {
    /// A store of one segment whose columns have several pages.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("rollouts");
        let writer = rows::open(&(Arc::new(Disk) as Arc<dyn FileSystem>), &root).unwrap();
        writer.append(&many_rows(), 0, "train").unwrap();
        writer.close().unwrap();
        let segment = root.join("run=r/step-00000000.w0.parquet");
        let bytes = fs::read(&segment).unwrap();
        Self {
            _folder: folder,
            root,
            segment,
            bytes,
        }
    }

    fn is_damaged(&self, bytes: &[u8]) -> bool {
        fs::write(&self.segment, bytes).unwrap();
        let store = Store::open(Arc::new(Disk), &self.root).unwrap();
        store
            .check(true)
            .unwrap()
            .problems
            .iter()
            .any(|problem| problem.is_damage)
    }

    /// Return where each part of the file begins: header, pages, page index, footer, tail.
    fn parts(&self) -> Vec<usize> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let file = fs::File::open(&self.segment).unwrap();
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

fn many_rows() -> arrow_array::RecordBatch {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    let parts: Vec<RecordBatch> = (0..40_i32)
        .map(|part| {
            let rows = rows::rows(part);
            let ids = Int64Array::from_iter_values((0..4).map(|row| i64::from(part) * 2 + row / 2));
            let mut columns = rows.columns().to_vec();
            columns[0] = Arc::new(ids) as ArrayRef;
            RecordBatch::try_new(rows.schema(), columns).unwrap()
        })
        .collect();
    concat_batches(&parts[0].schema(), &parts).unwrap()
}

#[test]
fn every_flipped_byte_is_found() {
    let case = Case::new();
    let positions = case.positions();
    assert!(positions.len() > 400, "only {} positions", positions.len());
    for (number, at) in positions.iter().enumerate() {
        // One bit, or all eight.
        let mask = if number % 2 == 0 { 1 << (at % 8) } else { 0xFF };
        let mut bytes = case.bytes.clone();
        bytes[*at] ^= mask;
        assert!(case.is_damaged(&bytes), "byte {at} of {}, mask {mask:02x}", bytes.len());
    }
    println!("{} flips", positions.len());
    assert!(!case.is_damaged(&case.bytes));
}

#[test]
fn every_length_that_a_cut_leaves_is_found() {
    let case = Case::new();
    let mut lengths: BTreeSet<usize> = (0..16).chain((1..64).map(|short| case.bytes.len() - short)).collect();
    for part in case.parts() {
        lengths.extend([part.saturating_sub(1), part, part + 1]);
    }
    lengths.retain(|length| *length < case.bytes.len());
    for length in &lengths {
        assert!(case.is_damaged(&case.bytes[..*length]), "cut to {length} bytes");
    }
    println!("{} lengths", lengths.len());
    assert!(lengths.len() > 200);
}

#[test]
fn bytes_that_are_more_or_zeros_or_another_steps_are_found() {
    let case = Case::new();
    assert!(case.is_damaged(&[&case.bytes[..], b"x"].concat()));
    assert!(case.is_damaged(&[&case.bytes[..], &case.bytes[..]].concat()));
    assert!(case.is_damaged(&vec![0; case.bytes.len()]));
    for (start, end) in [(4, 4096), (case.bytes.len() - 4096, case.bytes.len())] {
        let mut bytes = case.bytes.clone();
        bytes[start..end].fill(0);
        assert!(case.is_damaged(&bytes), "zeros from {start} to {end}");
    }
}

#[test]
fn no_flipped_byte_of_an_unlogged_segment_panics() {
    let case = Case::new();
    let log = case.root.join("_twogrpo/log/r.w0.jsonl");
    for at in case.positions().into_iter().step_by(5) {
        let mut bytes = case.bytes.clone();
        bytes[at] ^= 0xFF;
        fs::write(&case.segment, &bytes).unwrap();
        fs::remove_file(&log).unwrap_or_default();
        let writer = rows::open(&(Arc::new(Disk) as Arc<dyn FileSystem>), &case.root).unwrap();
        assert_eq!(
            writer.recovery().relogged.len() + writer.recovery().quarantined.len(),
            1,
            "byte {at}"
        );
    }
}
