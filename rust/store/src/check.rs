//! Looking for damage without touching anything: names, footers and log; with `deep` also every byte and value.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::content::content_hash;
use crate::encode::Footer;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, list, read};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream};
use crate::lock::try_acquire;
use crate::log::{LogLine, file_hash};
use crate::segment::footer;

/// One thing that is not as the protocol leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// Its rows are not those that were written, or cannot be read; false for what only stands beside the rows.
    pub is_damage: bool,
}

/// What a check has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Readable segments of the trajectories.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Readable segments that resumes have moved aside.
    pub superseded: u64,
    /// Hashes of the tokenizers that the segments of the trajectories were made with.
    pub tokenizers: BTreeSet<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Check every run of a store.
pub(crate) fn check(fs: &dyn FileSystem, layout: &Layout, runs: &[String], deep: bool) -> Result<CheckReport> {
    let mut checker = Checker {
        fs,
        layout,
        deep,
        report: CheckReport::default(),
    };
    for run in runs {
        checker.check_run(&Inventory::read(fs, layout, run)?)?;
    }
    Ok(checker.report)
}

struct Checker<'a> {
    fs: &'a dyn FileSystem,
    layout: &'a Layout,
    deep: bool,
    report: CheckReport,
}

impl Checker<'_> {
    fn check_run(&mut self, inventory: &Inventory) -> Result<()> {
        let run = &inventory.run;
        for name in &inventory.live {
            if let Some((footer, bytes)) = self.check_segment(inventory, &self.layout.segment(run, name), name)? {
                self.report.segments += 1;
                self.report.rows += footer.rows;
                self.report.bytes += bytes;
                self.report.tokenizers.extend(footer.tokenizer_hash);
            }
        }
        for (attempt, names) in &inventory.superseded {
            for name in names {
                let path = self.layout.superseded_attempt(run, *attempt).join(name.to_string());
                self.report.superseded += u64::from(self.check_segment(inventory, &path, name)?.is_some());
            }
        }
        for file in &inventory.foreign {
            self.add(
                &self.layout.run(run).join(file),
                "no segment's name; readers of the glob may take it for one",
            );
        }
        for line in inventory.lost() {
            let path = self.layout.segment(run, &line.name());
            self.add(
                &path,
                &format!(
                    "lost: the log has it with {} rows (attempt {})",
                    line.rows, line.attempt
                ),
            );
        }
        if inventory.damaged_lines > 0 {
            self.add(
                &self.layout.logs(),
                &format!("run {run}: {} damaged log lines", inventory.damaged_lines),
            );
        }
        Ok(())
    }

    /// Add what stands beside the rows.
    fn add(&mut self, path: &Path, what: &str) {
        self.push(path, what, false);
    }

    /// Add what is wrong with the rows.
    fn add_damage(&mut self, path: &Path, what: &str) {
        self.push(path, what, true);
    }

    fn push(&mut self, path: &Path, what: &str, is_damage: bool) {
        self.report.problems.push(Problem {
            path: path.to_owned(),
            what: what.to_owned(),
            is_damage,
        });
    }

    /// Return footer and size of a segment that can be read.
    fn check_segment(
        &mut self,
        inventory: &Inventory,
        path: &Path,
        name: &SegmentName,
    ) -> Result<Option<(Footer, u64)>> {
        let footer = match footer(self.fs, path, &inventory.run, name) {
            Ok(footer) => footer,
            Err(StoreError::Segment { problem, .. }) => {
                self.add_damage(path, &problem);
                return Ok(None);
            }
            Err(StoreError::Schema { found, expected, .. }) => {
                self.add_damage(path, &format!("schema version {found}, expected {expected}"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let size = self.fs.size(path).map_err(StoreError::io("read", path))?;
        let lines = inventory.lines.get(name).map(Vec::as_slice).unwrap_or_default();
        match lines.iter().rev().find(|line| line.attempt == footer.attempt) {
            Some(line) => self.check_line(path, size, &footer, line),
            None if self.is_being_written(&inventory.run, name)? => {}
            None => self.add(path, "no log line; opening the run for writing adds it"),
        }
        if self.deep {
            let bytes = read(self.fs, path)?;
            let line = lines.iter().rev().find(|line| line.attempt == footer.attempt);
            if line.is_some_and(|line| line.xxh3_128 != file_hash(&bytes)) {
                self.add_damage(path, "its bytes are not those that were written");
            }
            if let Err(problem) = check_values(bytes, &footer) {
                self.add_damage(path, &problem);
            }
        }
        Ok(Some((footer, size)))
    }

    fn check_line(&mut self, path: &Path, size: u64, footer: &Footer, line: &LogLine) {
        if size != line.bytes {
            self.add_damage(path, &format!("it has {size} bytes, the log says {}", line.bytes));
        }
        if format!("{:032x}", footer.content) != line.content || footer.rows != line.rows {
            self.add_damage(path, "its footer is not the one that was logged");
        }
    }

    /// A living writer may stand between the name and the line.
    fn is_being_written(&self, run: &str, name: &SegmentName) -> Result<bool> {
        let stream = Stream::new(run, &name.writer)?;
        let is_known = list(self.fs, &self.layout.locks())?.contains(&stream.to_string());
        Ok(is_known && try_acquire(self.fs, self.layout, &stream)?.is_none())
    }
}

/// Decode every page and compare the values' hash with the footer's.
fn check_values(bytes: Vec<u8>, footer: &Footer) -> std::result::Result<(), String> {
    // The decoders are made for files that are whole: some panic on a damaged one.
    let decoded = catch_unwind(|| decode(bytes)).map_err(|_| "cannot be decoded (the decoder panicked)".to_owned())?;
    let rows = decoded.map_err(|error| format!("cannot be decoded ({error})"))?;
    let content = content_hash(&rows).map_err(|error| error.to_string())?;
    if content == footer.content {
        return Ok(());
    }
    Err("its values are not those that were written".to_owned())
}

fn decode(bytes: Vec<u8>) -> parquet::errors::Result<RecordBatch> {
    // The types come from Parquet's own schema: that of Arrow stands unchecked in the footer.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(bytes), options)?;
    let schema = builder.schema().clone();
    let batches = builder.build()?.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(concat_batches(&schema, &batches)?)
}
